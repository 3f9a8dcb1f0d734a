import { useEffect } from "preact/hooks";
import type { Controller } from "../control/controller.ts";
import { shownGraph } from "../control/shown-graph.ts";
import { isWide, pinned, selectedBlock } from "../control/store.ts";
import { TEXTS } from "../words/texts.ts";
import { BlockSheet } from "./block-sheet.tsx";
import { Comparison } from "./comparison.tsx";
import { SplitGraph } from "./split-graph.tsx";

/** The model, split: what runs where, what is sent, where it may answer. A block that is chosen tells more. */
export function SplitPanel({ controller }: { readonly controller: Controller }) {
  const state = shownGraph.value;
  useEffect(() => void controller.learnNodes(), [controller]);
  if (state === null) return <p class="q">{TEXTS.measuring}</p>;
  const selected = selectedBlock.value;
  const onSelect = (block: number | null): void => {
    selectedBlock.value = block;
  };
  return (
    <>
      <p class="q small">{TEXTS.bands}</p>
      {pinned.value !== null && (
        <>
          <p class="pinned">
            <span>{TEXTS.pinned}</span>
            <button type="button" class="btn" onClick={() => void controller.pin(null)}>
              {TEXTS.unpin}
            </button>
          </p>
          <Comparison />
        </>
      )}
      <SplitGraph state={state} selection={{ selected, onSelect }} />
      {isWide.value && <BlockSheet controller={controller} />}
    </>
  );
}
