import { useEffect, useState } from "preact/hooks";
import type { Controller } from "../control/controller.ts";

/** Takes pictures dropped on the page or pasted into it; true while one hovers over it. */
export function useDropAndPaste(controller: Controller): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const take = (event: Event, data: DataTransfer | null): void => {
      const file = data?.files[0];
      if (file === undefined) return;
      event.preventDefault();
      void controller.answerFile(file);
    };
    const listening = new AbortController();
    const on = <Name extends "dragover" | "dragleave" | "drop" | "paste">(
      name: Name,
      listener: (event: DocumentEventMap[Name]) => void,
    ): void => document.addEventListener(name, listener, { signal: listening.signal });
    on("dragover", (event) => {
      event.preventDefault();
      setOver(true);
    });
    on("dragleave", (event) => {
      if (event.relatedTarget === null) setOver(false);
    });
    on("drop", (event) => {
      event.preventDefault();
      setOver(false);
      take(event, event.dataTransfer);
    });
    on("paste", (event) => take(event, event.clipboardData));
    return () => listening.abort();
  }, [controller]);
  return isOver;
}
