import { useEffect, useState } from "preact/hooks";
import type { Controller } from "../control/controller.ts";
import { AnswerCard } from "./answer-card.tsx";
import { BudgetSlider } from "./budget.tsx";
import { ModelPicker } from "./model-picker.tsx";
import { Problems } from "./problems.tsx";
import { SampleStrip, Sources } from "./sources.tsx";
import { SplitView } from "./split-view.tsx";
import { Details, ProfilingProgress, StatusLine, WeightsProgress } from "./status-line.tsx";
import { TimeBars } from "./time-bars.tsx";
import { Viewer } from "./viewer.tsx";

export function App({ controller }: { readonly controller: Controller }) {
  const isOver = useDropAndPaste(controller);
  return (
    <main class={isOver ? "drop" : undefined}>
      <header>
        <h1>EDDI</h1>
        <p>one network, split between phone and cloud</p>
        <ModelPicker controller={controller} />
      </header>
      <Problems />
      <StatusLine />
      <WeightsProgress />
      <ProfilingProgress />
      <Viewer controller={controller} />
      <Sources controller={controller} />
      <SampleStrip controller={controller} />
      <AnswerCard />
      <BudgetSlider controller={controller} />
      <TimeBars />
      <SplitView />
      <Details />
    </main>
  );
}

/** Pictures dropped on the page or pasted into it; true while one hovers over it. */
function useDropAndPaste(controller: Controller): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const take = (event: Event, data: DataTransfer | null): void => {
      const file = data?.files[0];
      if (file === undefined) return;
      event.preventDefault();
      void controller.answerFile(file);
    };
    const onOver = (event: DragEvent): void => {
      event.preventDefault();
      setOver(true);
    };
    const onLeave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setOver(false);
    };
    const onDrop = (event: DragEvent): void => {
      event.preventDefault();
      setOver(false);
      take(event, event.dataTransfer);
    };
    const onPaste = (event: ClipboardEvent): void => take(event, event.clipboardData);
    document.addEventListener("dragover", onOver);
    document.addEventListener("dragleave", onLeave);
    document.addEventListener("drop", onDrop);
    document.addEventListener("paste", onPaste);
    return () => {
      document.removeEventListener("dragover", onOver);
      document.removeEventListener("dragleave", onLeave);
      document.removeEventListener("drop", onDrop);
      document.removeEventListener("paste", onPaste);
    };
  }, [controller]);
  return isOver;
}
