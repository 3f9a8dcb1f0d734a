import { renderToString } from "preact-render-to-string";
import type { Controller } from "./control/controller.ts";
import { Frame, PARTS } from "./view/app.tsx";

/** Nothing can be asked of it: while a page is built nobody touches it. */
const NOBODY = null as unknown as Controller;

/** The page as it is before anything is known, for the build: browsers show it while scripts are still on their way. */
export function firstView(): string {
  const fill = (name: keyof typeof PARTS) => {
    const Part = PARTS[name];
    return <Part controller={NOBODY} />;
  };
  return renderToString(<Frame fill={fill} />);
}
