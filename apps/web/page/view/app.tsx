import { lazy, Suspense } from "preact/compat";
import type { Controller } from "../control/controller.ts";
import { camera, openedVisit, tab } from "../control/store.ts";
import { Dock } from "./dock.tsx";
import { Header } from "./header.tsx";
import { Settings } from "./settings.tsx";
import { Stage } from "./stage.tsx";
import { Panel, Tabs } from "./tabs.tsx";
import { TimeOfAnswer } from "./time-of-answer.tsx";
import { useDropAndPaste } from "./use-drop-and-paste.ts";

const VisitSheet = lazy(() => import("./visit-sheet.tsx").then((module) => ({ default: module.VisitSheet })));

/** The photo and its answer first, then the time against the limit, then why: the rest answers one of three questions. */
export function App({ controller }: { readonly controller: Controller }) {
  const isOver = useDropAndPaste(controller);
  const classes = [
    "app",
    `s-${tab.value}`,
    ...(tab.value === "why" || camera.value !== "closed" ? [] : ["compact"]),
    ...(isOver ? ["drop"] : []),
  ];
  return (
    <div class={classes.join(" ")}>
      <Header controller={controller} />
      <main class="flat">
        <div class="left">
          <Stage controller={controller} />
          <Dock controller={controller} />
        </div>
        <TimeOfAnswer controller={controller} />
        <Tabs />
        <Panel controller={controller} />
      </main>
      <Settings controller={controller} />
      {openedVisit.value !== null && (
        <Suspense fallback={null}>
          <VisitSheet visit={openedVisit.value} />
        </Suspense>
      )}
    </div>
  );
}
