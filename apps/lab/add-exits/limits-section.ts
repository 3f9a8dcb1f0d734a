import type { AddExitsJob, AddedExits } from "./job.ts";
import type { ExitLimits } from "./know-limits.ts";

/** An exit that says what the model says on fewer photos like those it learnt from is worth little. */
const FLOOR = 0.5;

/** What a model's card says of its added exits, in Markdown. */
export function limitsSection(job: AddExitsJob, added: AddedExits): string {
  const { train, others, measuredOn, epochs, batch, seed, risk } = job;
  const { reached, all } = added.classes;
  const head = ["exit", "at", "agrees", ...added.outside, "T", "early from", "inside", "outside"];
  const rows = added.exits.map((exit, at) => [
    exit.id,
    added.at[at]!,
    share(exit.agreement),
    ...exit.outside.map(share),
    exit.temperature.toFixed(3),
    exit.threshold?.toFixed(4) ?? "never",
    earlyText(exit.early),
    earlyText(exit.earlyOutside),
  ]);
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return `Attached by \`lab add-exits\` and trained by distillation from the model's own last output, without labels, the rest
of the model frozen: ${train.count} photos, ${epochs} epochs, batch ${batch}, seed ${seed}. By the model's own last exit
these photos are of ${reached} of its ${all} classes: of the others the exits know nothing. An exit agrees where it
names the same class first as the last exit: on ${others.count} other photos (${measuredOn}), and on photos that are of
other kinds. It answers early from a confidence on that was chosen on half of all these photos, so that at most
${share(risk)} of early answers differ from the model's, with probability 0.9, and at most ${share(risk)} of the other photos
are answered early and otherwise. On the other halves it then answered so many, of which so many differed:

${row(head)}
${row(head.map(() => "---"))}
${rows.map(row).join("\n")}${added.exits.some(isBelowFloor) ? `\n\n${added.exits.filter(isBelowFloor).map(floorText).join("\n")}` : ""}`;
}

/** What is told of an exit in a line. */
export function exitText(exit: ExitLimits, at: string, outside: readonly string[]): string {
  const others = exit.outside.map((value, set) => `${share(value)} of ${outside[set]!}`).join(", ");
  const early =
    exit.threshold === null
      ? "is never sure enough to answer early"
      : `answers ${share(exit.early.answered)} early, ${share(exit.early.differ)} of them otherwise; of other kinds ${share(exit.earlyOutside.answered)}`;
  return `${exit.id} at ${at}: says what the model says on ${share(exit.agreement)}; ${others}; ${early}${isBelowFloor(exit) ? `\n${floorText(exit)}` : ""}`;
}

function isBelowFloor({ agreement }: ExitLimits): boolean {
  return agreement < FLOOR;
}

function floorText({ id }: ExitLimits): string {
  return `${id} agrees on less than ${share(FLOOR)}: train it on more photos, for longer, or attach it later.`;
}

function earlyText({ answered, differ }: ExitLimits["early"]): string {
  return `${share(answered)}, ${share(differ)}`;
}

function share(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
