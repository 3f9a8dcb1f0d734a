import { element, text, tooltip } from "../../draw/svg.ts";
import type { CutMap } from "../results/inner-cuts.ts";

const WIDTH = 420;
const AREA = { left: 48, right: 10, top: 28, bottom: 40 } as const;
const ROW = 14;

export const CLASSES = { edge: "m-edge", inner: "m-inner", image: "m-image" } as const;
export const WORDS = { edge: "all on the phone", inner: "a cut inside", image: "the image is sent" } as const;

/** Where the best plan cuts, over uplink and phone. */
export function cutMapPlot(map: CutMap): string {
  const { uplinksMbps, slowdowns, cells, objective, shares } = map;
  const height = AREA.top + ROW * slowdowns.length + AREA.bottom;
  const column = (WIDTH - AREA.left - AREA.right) / uplinksMbps.length;
  const boxes = cells.flatMap((row, at) =>
    row.map((place, index) =>
      element(
        "rect",
        {
          x: AREA.left + index * column,
          y: AREA.top + at * ROW,
          width: column + 0.3,
          height: ROW + 0.3,
          class: CLASSES[place],
        },
        tooltip(
          `${uplinksMbps[index]!.toPrecision(2)} Mbit/s, x${slowdowns[at]!.toPrecision(2)}: ${WORDS[place]}`,
        ),
      ),
    ),
  );
  const title = `${map.model}, ${objective}: inside ${(100 * shares.inner).toFixed(1)} %`;
  const labels = [
    text(title, { x: AREA.left, y: 16, class: "title" }),
    ...slowdowns.flatMap((slowdown, at) =>
      at % 4 === 0
        ? [
            text(`x${Number(slowdown.toPrecision(2))}`, {
              x: AREA.left - 6,
              y: AREA.top + at * ROW + 11,
              class: "axis",
              "text-anchor": "end",
            }),
          ]
        : [],
    ),
    ...uplinksMbps.flatMap((mbps, at) =>
      at % 10 === 0
        ? [
            text(String(Number(mbps.toPrecision(2))), {
              x: AREA.left + (at + 0.5) * column,
              y: height - AREA.bottom + 15,
              class: "axis",
              "text-anchor": "middle",
            }),
          ]
        : [],
    ),
    text("uplink, Mbit/s", { x: WIDTH / 2, y: height - 6, class: "axis", "text-anchor": "middle" }),
  ];
  return element(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", class: "plot" },
    tooltip(title),
    ...boxes,
    ...labels,
  );
}
