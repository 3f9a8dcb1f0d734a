import { renderToString } from "preact-render-to-string";
import type { Controller } from "./control/controller.ts";
import { App } from "./view/app.tsx";

/** Nothing can be asked of it: while a page is built nobody touches it. */
const NOBODY = null as unknown as Controller;

/** The page as it is before anything is known, for the build: browsers show it while scripts are still on their way. */
export function firstView(): string {
  return renderToString(<App controller={NOBODY} />);
}
