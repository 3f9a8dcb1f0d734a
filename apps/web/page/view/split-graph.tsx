import { useRef } from "preact/hooks";
import { liveShares, picture } from "../control/store.ts";
import type { GraphState } from "../graph/graph-state.ts";
import { LyingGraph } from "../graph/lying-graph.tsx";
import { StandingGraph } from "../graph/standing-graph.tsx";
import { useWidth } from "../graph/use-width.ts";

/** The graph in as much room as there is: lying, small or large; standing where blocks are to be touched. */
export function SplitGraph(props: {
  readonly state: GraphState;
  readonly selection?: {
    readonly selected: number | null;
    readonly onSelect: (block: number | null) => void;
  };
}) {
  const { state, selection } = props;
  const place = useRef<HTMLDivElement>(null);
  const { width, zoom } = useWidth(place);
  const look = { pictureUrl: picture.value?.url ?? null, shares: liveShares.value?.exits ?? null };
  return (
    <div ref={place} class={selection === undefined ? "lying" : "standing"} style={{ zoom }}>
      {width > 0 &&
        (selection === undefined ? (
          <LyingGraph state={state} look={look} width={width} />
        ) : (
          <StandingGraph state={state} look={look} width={Math.min(width, 560)} {...selection} />
        ))}
    </div>
  );
}
