import { element, text, textWidth, tooltip } from "../../draw/svg.ts";

export interface ShareRow {
  readonly name: string;
  /** 0..1, all sum to 1. */
  readonly parts: readonly { readonly name: string; readonly share: number; readonly className: string }[];
}

/** Of what is the whole. */
const WHOLE = 210;
/** As the page's style sheet has it. */
const FONT_SIZE = 11;
const ROW = 22;
const TOP = 28;
const LABEL_FROM = 0.13;

/** Rows of shares of a whole, side by side. */
export function sharePlot(title: string, rows: readonly ShareRow[]): string {
  const height = TOP + ROW * rows.length + 6;
  const left = Math.ceil(14 + Math.max(0, ...rows.map(({ name }) => textWidth(name, FONT_SIZE))));
  const drawn = rows.flatMap(({ name, parts }, at) => {
    const y = TOP + at * ROW;
    let x = left;
    const boxes = parts.flatMap(({ name: part, share, className }) => {
      const width = share * WHOLE;
      const from = x;
      x += width;
      const percent = `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
      return [
        element(
          "rect",
          { x: from, y: y + 2, width, height: ROW - 5, class: className },
          tooltip(`${name}, ${part}: ${percent}`),
        ),
        share < LABEL_FROM
          ? ""
          : text(percent, { x: from + width / 2, y: y + 15, class: "on", "text-anchor": "middle" }),
      ];
    });
    return [text(name, { x: left - 6, y: y + 15, class: "axis", "text-anchor": "end" }), ...boxes];
  });
  return element(
    "svg",
    { viewBox: `0 0 ${left + WHOLE + 4} ${height}`, role: "img", class: "plot" },
    tooltip(title),
    text(title, { x: 4, y: 16, class: "title" }),
    ...drawn,
  );
}
