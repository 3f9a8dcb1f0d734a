import type { Answer, ModelSummary } from "../../talk/edge.ts";
import { formatBytes, formatMs, formatPercent } from "./format.ts";
import { TEXTS } from "./texts.ts";
import { wayOf } from "./way.ts";

type Told = Pick<Answer, "plan" | "source" | "exit" | "requestBytes" | "label" | "confidence" | "totalMs">;

/** What became of a photo on one way: `Phone, then cloud, 1.8 kB sent: tench, 96 % sure` */
export function answeredWords(answer: Told, model: ModelSummary): string {
  const { requestBytes, label, confidence } = answer;
  const sent = requestBytes === 0 ? "nothing sent" : `${formatBytes(requestBytes)} sent`;
  const sure = Number.isNaN(confidence) ? "" : `, ${formatPercent(confidence)} sure`;
  return `${wayTaken(answer, model)}, ${sent}: ${label.split(",")[0]}${sure}`;
}

/** Not the plan's where an exit on the way was sure, or the cloud too late. */
function wayTaken({ plan, source, exit }: Told, model: ModelSummary): string {
  if (source === "fallback") return TEXTS.inStead;
  if (source === "cloud") return TEXTS.ways[wayOf(plan, model)];
  return TEXTS.ways[exit === model.exits.at(-1)!.id ? "all-edge" : "early-edge"];
}

/** `The same answer. Yours took 45 ms more and sent 2.1 kB less.` */
export function verdictWords(own: Told, chosen: Told): string {
  const same = own.label === chosen.label ? "The same answer." : "Another answer.";
  const time = difference(own.totalMs - chosen.totalMs, formatMs, 0.5);
  const bytes = difference(own.requestBytes - chosen.requestBytes, formatBytes, 1);
  return `${same} Yours took ${time ?? "as long"} and sent ${bytes ?? "as much"}.`;
}

/** Null where it is too small to tell. */
function difference(by: number, format: (amount: number) => string, least: number): string | null {
  if (Math.abs(by) < least) return null;
  return `${format(Math.abs(by))} ${by > 0 ? "more" : "less"}`;
}
