import { useEffect, useRef, useState } from "preact/hooks";
import type { PhaseMap } from "../../client/index.ts";
import type { Controller } from "../control/controller.ts";
import { isSimulated, present, simulated, tried } from "../control/simulation.ts";
import { budgetMs, model, summary } from "../control/store.ts";
import { regionsOf } from "../graph/phase-regions.ts";
import { useWidth } from "../graph/use-width.ts";
import type { Simulated } from "../words/imagined-words.ts";
import { NETWORKS, type NetworkName } from "../words/link-words.ts";
import { TEXTS } from "../words/texts.ts";
import { SLOWER, shareOf, UPLOADS } from "./scale-slider.tsx";

const COLUMNS = 54;
const ROWS = 30;
/** Delays that go along with the uploads of the map, from its slowest to its fastest. */
const DELAYS = [210, 11] as const;
/** So long nothing has changed before the map is drawn anew. */
const REST_MS = 400;

const LEFT = 40;
const BELOW = 30;
const TOP = 6;
/** Width of a letter, about. */
const LETTER = 8;
const FILLS = { "all-edge": "p", "early-edge": "e", split: "s", "all-cloud": "c" } as const;

/** Which way is chosen over uploads and speeds of the phone, by the planner itself, and where now and the sliders are. */
export function PhaseMapView({ controller }: { readonly controller: Controller }) {
  const map = usePhaseMap(controller);
  const place = useRef<HTMLDivElement>(null);
  const { width, zoom } = useWidth(place);
  const now = summary.value?.conditions;
  const real = present.value;
  const at = simulated.value;
  return (
    <div>
      <h2>{TEXTS.mapTitle}</h2>
      <p class="q small">{TEXTS.mapHow}</p>
      <div ref={place} style={{ zoom, minHeight: "15rem" }}>
        {width > 0 && map !== null && now !== undefined && real !== null && at !== null && (
          <Drawing
            map={map}
            width={width}
            now={{ ...now, slower: now.edgeScale / real.edgeScale }}
            at={isSimulated.value || tried.value !== null ? at : null}
          />
        )}
      </div>
    </div>
  );
}

/** Drawn anew when what it hangs on has changed and come to rest; null until it is there. */
function usePhaseMap(controller: Controller): PhaseMap | null {
  const [map, setMap] = useState<PhaseMap | null>(null);
  const limitMs = budgetMs.value;
  const queueMs = simulated.value?.queueMs ?? 0;
  const isKnown = model.value !== null && summary.value !== null;
  useEffect(() => {
    if (!isKnown) return;
    const ending = new AbortController();
    const timer = setTimeout(() => {
      const scale = present.value!.edgeScale;
      const what = {
        columns: COLUMNS,
        rows: ROWS,
        uplinkBps: [UPLOADS.least, UPLOADS.most],
        rttMs: DELAYS,
        edgeScale: [SLOWER.least * scale, SLOWER.most * scale],
        conditions: { queueMs },
      } as const;
      void controller.phaseMap(what, ending.signal).then((came) => came !== null && setMap(came));
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      ending.abort();
    };
  }, [controller, limitMs, queueMs, isKnown]);
  return map;
}

type Point = Pick<Simulated, "uplinkBps" | "slower">;

function Drawing(props: {
  readonly map: PhaseMap;
  readonly width: number;
  readonly now: Point;
  readonly at: Point | null;
}) {
  const { map, width, now, at } = props;
  const known = model.value!;
  const height = width > 420 ? 250 : 230;
  const [wide, high] = [width - LEFT - 4, height - BELOW - TOP];
  const { runs, names } = regionsOf(map, known);
  const x = (share: number): number => LEFT + wide * share;
  const y = (share: number): number => TOP + high * (1 - share);
  const spot = ({ uplinkBps, slower }: Point): readonly [number, number] => [
    x(shareOf(uplinkBps, UPLOADS)),
    y(shareOf(slower, SLOWER)),
  ];
  const [here, there] = [spot(now), at === null ? null : spot(at)];
  return (
    <svg
      class="map"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      role="img"
      aria-label={TEXTS.mapTitle}
    >
      <defs>
        <pattern id="mix" width="12" height="12" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="12" height="12" class="c" />
          <rect width="6" height="12" class="e" />
        </pattern>
      </defs>
      {runs.map(({ kind, row, from, to }) => (
        <rect
          key={`${row}-${from}`}
          class={FILLS[kind]}
          x={x(from / COLUMNS)}
          y={y((row + 1) / ROWS)}
          width={(wide * (to - from)) / COLUMNS + 0.3}
          height={high / ROWS + 0.3}
          shape-rendering="crispEdges"
        />
      ))}
      {names.map(({ kind, column, row }) => (
        <text
          key={kind}
          class={`b on-${FILLS[kind]}`}
          x={inside(x(column / COLUMNS), TEXTS.mapWays[kind], width)}
          y={Math.max(TOP + LETTER + 6, y(row / ROWS) + 5)}
          text-anchor="middle"
        >
          {TEXTS.mapWays[kind]}
        </text>
      ))}
      {(Object.keys(NETWORKS) as NetworkName[]).map((name) => (
        <text
          key={name}
          class="tq"
          x={x(shareOf(NETWORKS[name].uplinkBps, UPLOADS))}
          y={height - 10}
          text-anchor="middle"
        >
          {name}
        </text>
      ))}
      {[0.5, 1, 2, 4, 8].map((slower) => (
        <text
          key={slower}
          class="tq"
          x={LEFT - 6}
          y={Math.max(TOP + 10, y(shareOf(slower, SLOWER)) + 4)}
          text-anchor="end"
        >
          {`×${slower === 0.5 ? "½" : slower}`}
        </text>
      ))}
      {there !== null && <path class="way" d={`M${here}L${there}`} />}
      <circle class="now" cx={here[0]} cy={here[1]} r={7} />
      {there !== null && <circle class="then" cx={there[0]} cy={there[1]} r={8} />}
    </svg>
  );
}

/** Where the middle of a word may lie so that all of it is on the map. */
function inside(x: number, word: string, width: number): number {
  const half = (word.length * LETTER) / 2;
  return Math.max(LEFT + half, Math.min(width - 4 - half, x));
}
