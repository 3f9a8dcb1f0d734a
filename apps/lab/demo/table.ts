import type { DemoAnswer, DemoCell } from "./run-demo.ts";

const COLUMNS: readonly [string, (cell: DemoCell) => string][] = [
  ["network", ({ network }) => network],
  ["budget", ({ budgetMs }) => `${budgetMs} ms`],
  ["exit", ({ answers }) => mostFrequent(answers.map(({ exit }) => exit))],
  ["cut", ({ answers }) => mostFrequent(answers.map(cutText))],
  ["accuracy", ({ answers, photos }) => `${count(answers, ({ correct }) => correct)} of ${photos}`],
  ["predicted", ({ answers }) => msText(answers.flatMap(({ predictedMs }) => predictedMs ?? []))],
  ["measured", ({ answers }) => msText(answers.map(({ measuredMs }) => measuredMs))],
  [
    "in budget",
    ({ answers, photos, budgetMs }) =>
      `${count(answers, ({ measuredMs }) => measuredMs <= budgetMs)} of ${photos}`,
  ],
];

/** One row a cell; latencies are medians. */
export function demoTable(cells: readonly DemoCell[]): string {
  const rows = [
    COLUMNS.map(([title]) => title),
    ...cells.map((cell) => COLUMNS.map(([, text]) => text(cell))),
  ];
  const widths = COLUMNS.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  const lines = rows.map((row) =>
    row
      .map((text, at) => text.padEnd(widths[at]!))
      .join("  ")
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => "-".repeat(width)).join("  "));
  return `${lines.join("\n")}\n`;
}

function cutText({ cut, source }: DemoAnswer): string {
  if (cut.length === 0) return "none: all on the edge";
  return source === "fallback" ? `${cut.join(" + ")}, finished on the edge` : cut.join(" + ");
}

/** The value that most have, with their number where others have another. */
function mostFrequent(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  if (most === undefined) return "-";
  return most[1] === values.length ? most[0] : `${most[0]} (${most[1]} of ${values.length})`;
}

function count(answers: readonly DemoAnswer[], holds: (answer: DemoAnswer) => boolean): number {
  return answers.filter(holds).length;
}

function msText(values: readonly number[]): string {
  if (values.length === 0) return "-";
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
  return `${median.toFixed(1)} ms`;
}
