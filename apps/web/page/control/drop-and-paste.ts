import type { Controller } from "./controller.ts";
import { isDraggedOver } from "./store.ts";

/** Takes pictures dropped on the page or pasted into it. */
export function takeDropsAndPastes(controller: Controller): void {
  const take = (event: Event, data: DataTransfer | null): void => {
    const file = data?.files[0];
    if (file === undefined) return;
    event.preventDefault();
    void controller.answerFile(file);
  };
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    isDraggedOver.value = true;
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) isDraggedOver.value = false;
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    isDraggedOver.value = false;
    take(event, event.dataTransfer);
  });
  document.addEventListener("paste", (event) => take(event, event.clipboardData));
}
