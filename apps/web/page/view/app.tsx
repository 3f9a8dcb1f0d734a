import type { ComponentChildren, ComponentType } from "preact";
import { lazy, Suspense } from "preact/compat";
import type { Controller } from "../control/controller.ts";
import { camera, isDraggedOver, openedVisit, tab } from "../control/store.ts";
import { Dock } from "./dock.tsx";
import { Header } from "./header.tsx";
import { Settings } from "./settings.tsx";
import { Stage } from "./stage.tsx";
import { Panel, Tabs } from "./tabs.tsx";
import { TimeOfAnswer } from "./time-of-answer.tsx";

const VisitSheet = lazy(() => import("./visit-sheet.tsx").then((module) => ({ default: module.VisitSheet })));

export type Part = ComponentType<{ readonly controller: Controller }>;

/** What the page consists of, in the order in which it is taken over: what is looked at, and touched, first goes first. */
export const PARTS = {
  stage: Stage,
  dock: Dock,
  time: TimeOfAnswer,
  panel: Panel,
  tabs: Tabs,
  header: Header,
  settings: Settings,
  visit: OpenedVisit,
} as const satisfies Record<string, Part>;

export type PartName = keyof typeof PARTS;

/** The photo and its answer first, then the time against the limit, then why: the rest answers one of three questions. */
export function Frame({ fill }: { readonly fill: (name: PartName) => ComponentChildren }) {
  const place = (name: PartName) => (
    <div class="part" id={`part-${name}`}>
      {fill(name)}
    </div>
  );
  return (
    <div class={frameClasses()} id="frame">
      {place("header")}
      <main class="flat">
        <div class="left">
          {place("stage")}
          {place("dock")}
        </div>
        {place("time")}
        {place("tabs")}
        {place("panel")}
      </main>
      {place("settings")}
      {place("visit")}
    </div>
  );
}

/** What the frame shows of the page's state. */
export function frameClasses(): string {
  return [
    "app",
    `s-${tab.value}`,
    ...(tab.value === "why" || camera.value !== "closed" ? [] : ["compact"]),
    ...(isDraggedOver.value ? ["drop"] : []),
  ].join(" ");
}

function OpenedVisit() {
  if (openedVisit.value === null) return null;
  return (
    <Suspense fallback={null}>
      <VisitSheet visit={openedVisit.value} />
    </Suspense>
  );
}
