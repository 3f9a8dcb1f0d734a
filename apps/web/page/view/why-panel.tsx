import { useState } from "preact/hooks";
import type { Controller } from "../control/controller.ts";
import { shownGraph } from "../control/shown-graph.ts";
import { answer, asked, camera, isWide, liveShares, model } from "../control/store.ts";
import { liveWords } from "../words/live-words.ts";
import { TEXTS } from "../words/texts.ts";
import { whyWords } from "../words/why-words.ts";
import { Details } from "./details.tsx";
import { Icon } from "./icon.tsx";
import { ProfilingProgress, WeightsProgress } from "./progress.tsx";
import { SplitGraph } from "./split-graph.tsx";
import { Ways } from "./ways.tsx";

/** Why the answer came from where it did, and what the other ways would have cost. */
export function WhyPanel(_: { readonly controller: Controller }) {
  const last = answer.value;
  const known = model.value;
  const state = shownGraph.value;
  const [isOpen, setOpen] = useState(isWide.value);
  return (
    <>
      <p class="why">
        {camera.value === "live"
          ? liveWords(liveShares.value)
          : last === null || known === null
            ? TEXTS.whyNothing
            : whyWords(last, asked.value, known)}
      </p>
      {state === null ? <div class="graph-place" /> : <SplitGraph state={state} />}
      <button
        type="button"
        class={last === null || asked.value === null ? "more unseen" : "more"}
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        {TEXTS.otherWays} <Icon name="down" />
      </button>
      {isOpen && <Ways />}
      <Details />
      {/* They come and go: nothing is to move for them. */}
      <WeightsProgress />
      <ProfilingProgress />
    </>
  );
}
