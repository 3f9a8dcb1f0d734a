import { formatBytes, formatOf100 } from "../words/format.ts";
import { type DrawnBlock, type GraphState, graphWords } from "./graph-state.ts";
import { exitMark, type Look } from "./look.ts";

/** From left to right: as wide as its place is, low. */
export function LyingGraph({
  state,
  look,
  width,
}: {
  readonly state: GraphState;
  readonly look: Look;
  readonly width: number;
}) {
  const { blocks, cut } = state;
  const isBig = width > 560;
  const count = blocks.length;
  const height = isBig ? 214 : 120;
  const middle = isBig ? 88 : 56;
  const tall = isBig ? 60 : 38;
  const side = isBig ? 52 : 30;
  const start = isBig ? 72 : 44;
  const step = (width - start - (isBig ? 10 : 4)) / count;
  const wide = step * 0.64;
  const gap = step - wide;
  const left = (at: number): number => start + at * step;
  const gapAt = (at: number): number => (at === 0 ? start - gap / 2 - 2 : left(at - 1) + wide + gap / 2);
  const band = bandScale(state, tall);
  const cutX = cut === null ? 0 : cut % 1 === 0 ? gapAt(cut) : left(Math.floor(cut)) + wide * (cut % 1);
  const pill = isBig ? 86 : 66;
  return (
    <svg
      class="graph"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      role="img"
      aria-label={graphWords(state)}
    >
      {look.pictureUrl !== null && (
        <image
          href={look.pictureUrl}
          x={0}
          y={middle - side / 2}
          width={side}
          height={side}
          preserveAspectRatio="xMidYMid slice"
        />
      )}
      {blocks.map((block, at) => {
        const bytes = at === 0 ? state.imageBytes : (blocks[at - 1]!.bytes ?? null);
        const thick = Math.max(3, (bytes ?? 0) * band);
        const x = at === 0 ? side : left(at - 1) + wide;
        return (
          <rect
            key={`band${block.number}`}
            class={`band ${bandClass(blocks, at, cut)}`}
            x={x}
            y={middle - thick / 2}
            width={left(at) - x}
            height={thick}
          />
        );
      })}
      {blocks.map((block, at) => (
        <BlockShape
          key={block.number}
          block={block}
          x={left(at)}
          y={middle - tall / 2}
          width={wide}
          height={tall}
          delay={at}
        />
      ))}
      {blocks.flatMap((block, at) =>
        block.exits.map((exit) => {
          const isLast = at === count - 1;
          const x = isLast ? left(at) + wide / 2 : gapAt(at + 1) - gap / 2 + 4;
          const { word, look: shown } = exitMark(exit.id, state, look);
          const text = isBig && exit.accuracy !== null ? formatOf100(exit.accuracy) : word;
          const y = middle + tall / 2;
          const top = y + (isBig ? 34 : 14);
          if (text === "") {
            return (
              <g key={exit.id}>
                <path class="stem" d={`M${x} ${y + 1}V${top + 6}`} />
                <circle class="w" cx={x} cy={top + 11} r={5} />
              </g>
            );
          }
          const w = 60;
          const at0 = Math.min(Math.max(x - w / 2, 0), width - w - 2);
          return (
            <g key={exit.id} class={`exit ${shown}`}>
              <path class="stem" d={`M${x} ${y + 1}V${top}`} />
              <rect x={at0} y={top} width={w} height={isBig ? 28 : 22} rx={isBig ? 14 : 11} />
              <text x={at0 + w / 2} y={top + (isBig ? 19 : 15.5)} text-anchor="middle">
                {text}
              </text>
              {isBig && word !== "" && (
                <text class="tq" x={Math.min(at0 + w / 2, width - 28)} y={top + 46} text-anchor="middle">
                  {word}
                </text>
              )}
            </g>
          );
        }),
      )}
      {cut === null ? (
        <text class="tp" x={isBig ? start : 0} y={isBig ? 21 : 17}>
          all on the phone, nothing sent
        </text>
      ) : (
        <>
          <g class="cut" style={{ transform: `translate(${cutX}px, 0)` }}>
            <line y1={isBig ? 30 : 24} y2={middle + tall / 2 + 6} />
            <rect
              x={-pill / 2 + Math.max(0, pill / 2 - cutX)}
              y={2}
              width={pill}
              height={isBig ? 28 : 22}
              rx={11}
            />
            <text x={Math.max(0, pill / 2 - cutX)} y={isBig ? 21 : 17.5} text-anchor="middle">
              {formatBytes(state.cutBytes)}
            </text>
          </g>
          {cutX - pill / 2 > 54 && (
            <text class="tp" x={0} y={isBig ? 21 : 17}>
              phone
            </text>
          )}
          {cutX + pill / 2 < width - 46 && (
            <text class="tc" x={width - 2} y={isBig ? 21 : 17} text-anchor="end">
              cloud
            </text>
          )}
        </>
      )}
      {isBig && (
        <text class="tq" x={0} y={middle + tall / 2 + 53}>
          right of 100
        </text>
      )}
    </svg>
  );
}

/** A block in the colour of its place; two where the cut goes through it. */
export function BlockShape(props: {
  readonly block: DrawnBlock;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly delay: number;
  readonly isUpright?: boolean;
  readonly text?: string;
}) {
  const { block, x, y, width, height, delay, isUpright = false, text } = props;
  const isMixed = block.share > 0 && block.share < 1;
  const kind = block.place === "phone" ? "p" : block.place === "cloud" ? "c" : "u";
  const part = isUpright
    ? { x, y: y + height * block.share, width, height: height * (1 - block.share) }
    : { x: x + width * block.share, y, width: width * (1 - block.share), height };
  return (
    <>
      <rect
        class={`blk ${kind}`}
        style={{ "--d": `${delay * 25}ms` }}
        x={x}
        y={y}
        width={width}
        height={height}
        rx={6}
      />
      {isMixed && <rect class="blk c" {...part} rx={4} />}
      <text
        class={kind === "u" ? "n tq" : "n on"}
        x={x + width / 2}
        y={y + height / 2 + 5}
        text-anchor="middle"
      >
        {text ?? block.number}
      </text>
    </>
  );
}

/** Pixels a byte, so that the thickest band is about as thick as a block. */
export function bandScale({ blocks, imageBytes }: GraphState, most: number): number {
  const all = [imageBytes ?? 0, ...blocks.slice(0, -1).map(({ bytes }) => bytes ?? 0)];
  return (0.94 * most) / Math.max(1, ...all);
}

/** Of the band before a block. */
export function bandClass(blocks: readonly DrawnBlock[], at: number, cut: number | null): string {
  if (cut === at) return "sent";
  return { phone: "p", cloud: "c", unused: "u" }[blocks[at]!.place];
}
