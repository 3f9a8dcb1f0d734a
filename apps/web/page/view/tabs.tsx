import { lazy, Suspense } from "preact/compat";
import type { Controller } from "../control/controller.ts";
import { type Tab, tab } from "../control/store.ts";
import { TEXTS } from "../words/texts.ts";
import { SplitPanel } from "./split-panel.tsx";
import { WhyPanel } from "./why-panel.tsx";

const WhatIf = lazy(() => import("./what-if.tsx").then((module) => ({ default: module.WhatIf })));

const TABS: readonly Tab[] = ["why", "split", "whatif"];

/** The questions: one is open. Arrows move between them. */
export function Tabs() {
  return (
    <div class="tabs" role="tablist" aria-label="Questions">
      {TABS.map((name, at) => (
        <button
          key={name}
          id={`tab-${name}`}
          type="button"
          role="tab"
          aria-selected={tab.value === name}
          aria-controls="panel"
          tabIndex={tab.value === name ? 0 : -1}
          onClick={() => {
            tab.value = name;
          }}
          onKeyDown={({ key }) => {
            const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
            if (step === undefined) return;
            tab.value = TABS[(at + step + TABS.length) % TABS.length]!;
            document.getElementById(`tab-${tab.value}`)?.focus();
          }}
        >
          {TEXTS.tabs[name]}
        </button>
      ))}
    </div>
  );
}

export function Panel({ controller }: { readonly controller: Controller }) {
  return (
    <div class="panel" id="panel" role="tabpanel" aria-labelledby={`tab-${tab.value}`} tabIndex={-1}>
      {tab.value === "why" && <WhyPanel controller={controller} />}
      {tab.value === "split" && <SplitPanel controller={controller} />}
      {tab.value === "whatif" && (
        <Suspense fallback={<p class="q">{TEXTS.looking}</p>}>
          <WhatIf controller={controller} />
        </Suspense>
      )}
    </div>
  );
}
