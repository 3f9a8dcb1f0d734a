import type { Outcome } from "../session/outcome.ts";

/** One line for each photo under each policy; times in ms, what is not known is empty. */
export function answersCsv(played: ReadonlyMap<string, readonly Outcome[]>): string {
  const lines = [...played].flatMap(([policy, outcomes]) =>
    outcomes.map((outcome) =>
      [policy, ...COLUMNS.map(([, of]) => of(outcome))].map((value) => quoted(value)).join(","),
    ),
  );
  return `${["policy", ...COLUMNS.map(([name]) => name)].join(",")}\n${lines.join("\n")}\n`;
}

type Value = string | number | boolean | null;

const COLUMNS: readonly (readonly [string, (outcome: Outcome) => Value])[] = [
  ["answer", ({ answer }) => answer],
  ["photo", ({ photo }) => photo],
  ["atMs", ({ atMs }) => atMs],
  ["exit", ({ exit }) => exit],
  ["by", ({ by }) => by],
  ["plannedExit", ({ plannedExit }) => plannedExit],
  ["cut", ({ cut }) => cut.join(" ")],
  ["codec", ({ codec }) => codec],
  ["predictedMs", ({ predictedMs }) => predictedMs],
  ["predictedP95Ms", ({ predictedP95Ms }) => predictedP95Ms],
  ["wayMs", ({ wayMs }) => wayMs],
  ["ms", ({ ms }) => ms],
  ["right", ({ right }) => right],
  ["inTime", ({ inTime }) => inTime],
  ["twice", ({ twice }) => twice],
  ["edgeMs", ({ edgeMs }) => edgeMs],
  ["sentBytes", ({ sentBytes }) => sentBytes],
];

function quoted(value: Value): string {
  if (value === null) return "";
  if (typeof value === "number") return String(Math.round(1000 * value) / 1000);
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
