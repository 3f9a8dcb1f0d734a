import { effect } from "@preact/signals";
import { render } from "preact";
import type { Controller } from "../control/controller.ts";
import { Frame, frameClasses, PARTS } from "./app.tsx";

/** What a visitor may do before its part's turn has come: none of it is to be lost. */
const TOUCHES = ["pointerdown", "keydown", "focusin", "input", "change", "click"];

/**
 * Takes over what the build has put into the page, a part in a task of its own: each stands as it was until then, and no
 * finger waits for all of them. One that comes in between has the rest taken over before it is heard.
 */
export async function takeOver(page: HTMLElement, controller: Controller): Promise<void> {
  // Where pages are not built nothing is there yet.
  if (page.childElementCount === 0) render(<Frame fill={() => null} />, page);
  const rest = Object.entries(PARTS);
  const takeNext = (): void => {
    const [name, Part] = rest.shift()!;
    render(<Part controller={controller} />, document.getElementById(`part-${name}`)!);
  };
  const takeRest = (): void => {
    while (rest.length > 0) takeNext();
  };
  const done = new AbortController();
  for (const touch of TOUCHES) page.addEventListener(touch, takeRest, { capture: true, signal: done.signal });
  const frame = document.getElementById("frame")!;
  effect(() => {
    frame.className = frameClasses();
  });
  while (rest.length > 0) {
    takeNext();
    await new Promise((next) => setTimeout(next));
  }
  done.abort();
}
