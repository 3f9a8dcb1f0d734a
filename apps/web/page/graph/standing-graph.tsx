import { useRef } from "preact/hooks";
import { formatBytes, formatMs, formatOf100 } from "../words/format.ts";
import { type DrawnBlock, type GraphState, graphWords } from "./graph-state.ts";
import { exitMark, type Look } from "./look.ts";
import { BlockShape, bandClass, bandScale } from "./lying-graph.tsx";

const ROW = 50;
const TOP = 48;
const TALL = 34;

/** From top to bottom, with times, accuracies and bytes: blocks are buttons in one tab stop, arrows move between them. */
export function StandingGraph(props: {
  readonly state: GraphState;
  readonly look: Look;
  readonly width: number;
  readonly selected: number | null;
  readonly onSelect: (block: number | null) => void;
}) {
  const { state, look, width, selected, onSelect } = props;
  const { blocks, cut } = state;
  const isThin = width < 340;
  const left = isThin ? 8 : 14;
  const wide = isThin ? 86 : 118;
  const side = width - (isThin ? 112 : 136);
  const middle = left + wide / 2;
  const height = TOP + blocks.length * ROW + 18;
  const top = (at: number): number => TOP + at * ROW;
  const gapAt = (at: number): number => (at === 0 ? TOP - 10 : top(at - 1) + TALL + 8);
  const band = bandScale(state, wide);
  const cutY = cut === null ? 0 : cut % 1 === 0 ? gapAt(cut) : top(Math.floor(cut)) + TALL * (cut % 1);
  const svg = useRef<SVGSVGElement>(null);
  const focus = (number: number): void => {
    svg.current?.querySelector<SVGElement>(`[data-block="${number}"]`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent, { number }: DrawnBlock): void => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (step !== undefined) focus(number + step);
    else if (event.key === "Enter" || event.key === " ") onSelect(number);
    else if (event.key === "Escape") onSelect(null);
    else return;
    event.preventDefault();
  };
  return (
    <svg
      ref={svg}
      class="graph"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      role="group"
      aria-label={graphWords(state)}
    >
      {look.pictureUrl !== null && (
        <image
          href={look.pictureUrl}
          x={middle - 18}
          y={0}
          width={36}
          height={30}
          preserveAspectRatio="xMidYMid slice"
        />
      )}
      {!isThin && (
        <text class="tq" x={left + wide + 18} y={20}>
          your photo
        </text>
      )}
      <text class="tq" x={side} y={20}>
        right of 100
      </text>
      {blocks.map((block, at) => {
        const bytes = at === 0 ? state.imageBytes : (blocks[at - 1]!.bytes ?? null);
        const thick = Math.max(4, (bytes ?? 0) * band);
        const y = at === 0 ? 30 : top(at - 1) + TALL;
        return (
          <rect
            key={`band${block.number}`}
            class={`band ${bandClass(blocks, at, cut)}`}
            x={middle - thick / 2}
            y={y}
            width={thick}
            height={top(at) - y}
          />
        );
      })}
      {blocks.map((block, at) => {
        const name = `Block ${block.number}`;
        const isSelected = selected === block.number;
        return (
          <g
            key={block.number}
            role="button"
            data-block={block.number}
            tabIndex={(selected ?? 1) === block.number ? 0 : -1}
            aria-pressed={isSelected}
            aria-label={`${name}, ${block.nodes.length} layers, ${formatMs(msOf(block))} ${PLACES[block.place]}`}
            onClick={() => onSelect(isSelected ? null : block.number)}
            onKeyDown={(event) => onKeyDown(event, block)}
          >
            <rect class="hit" x={0} y={top(at) - 8} width={side - 8} height={ROW} rx={8} />
            <BlockShape
              block={block}
              x={left}
              y={top(at)}
              width={wide}
              height={TALL}
              delay={at}
              isUpright
              text={name}
            />
            {isSelected && (
              <rect class="sel" x={left - 5} y={top(at) - 5} width={wide + 10} height={TALL + 10} rx={11} />
            )}
          </g>
        );
      })}
      <g class="times">
        {blocks.map((block, at) => (
          <text key={block.number} class="tq" x={left + wide + (isThin ? 12 : 18)} y={top(at) + 22}>
            {block.place === "unused" ? PLACES.unused : formatMs(msOf(block))}
          </text>
        ))}
      </g>
      {blocks.flatMap((block, at) =>
        block.exits.map((exit) => {
          const isLast = at === blocks.length - 1;
          const y = isLast ? top(at) + TALL + 15 : gapAt(at + 1) + (cut === at + 1 ? -14 : 0);
          const { word, look: shown } = exitMark(exit.id, state, look);
          const from = isLast
            ? `M${middle} ${top(at) + TALL}V${y}`
            : `M${middle + Math.max(4, (block.bytes ?? 0) * band) / 2} ${y}`;
          return (
            <g key={exit.id} class={`exit ${shown}`}>
              <path class="stem" d={`${from}H${side}`} />
              <rect x={side} y={y - 13} width={56} height={26} rx={13} />
              <text x={side + 28} y={y + 4.5} text-anchor="middle">
                {exit.accuracy === null ? "exit" : formatOf100(exit.accuracy)}
              </text>
              <text class="tq" x={side + 64} y={y + 4.5}>
                {word}
              </text>
            </g>
          );
        }),
      )}
      {cut !== null && (
        <g class="cut" style={{ transform: `translate(0, ${cutY}px)` }}>
          <line x1={2} x2={width - 110} />
          <rect x={width - 112} y={-14} width={108} height={28} rx={14} />
          <text x={width - 58} y={5} text-anchor="middle">
            {`sent ${formatBytes(state.cutBytes)}`}
          </text>
        </g>
      )}
    </svg>
  );
}

const PLACES = { phone: "on your phone", cloud: "in the cloud", unused: "not needed" } as const;

function msOf({ place, cloudMs, phoneMs }: DrawnBlock): number {
  return place === "cloud" ? cloudMs : phoneMs;
}
