import type { Conditions, Imagined } from "../../client/index.ts";
import type { ModelSummary } from "../../talk/edge.ts";
import { formatBytes, formatMs, formatOf100, formatRate } from "./format.ts";
import { NETWORKS, type NetworkName } from "./link-words.ts";
import { TEXTS } from "./texts.ts";
import { wayOf } from "./way.ts";

/** What somebody imagines: a connection, how long requests wait in the cloud, and how many times slower the phone is. */
export interface Simulated extends Pick<Conditions, "uplinkBps" | "rttMs" | "queueMs"> {
  readonly slower: number;
}

/** Uploads this close to a network's usual one are called by its name. */
const CLOSE = 0.03;

/** The known network that has this upload; null where none has. */
export function networkAt(uplinkBps: number): NetworkName | null {
  const names = Object.keys(NETWORKS) as NetworkName[];
  return names.find((name) => Math.abs(uplinkBps / NETWORKS[name].uplinkBps - 1) < CLOSE) ?? null;
}

/** What would be done where the sliders are: `On 4G: all in the cloud, 7.9 kB sent, right in 90.6 of 100.` */
export function imaginedWords(would: Imagined, at: Simulated, model: ModelSummary): string {
  const network = networkAt(at.uplinkBps);
  const where = network === null ? `At ${formatRate(at.uplinkBps)}` : `On ${network}`;
  const { plan, prediction, sentBytes, budgetMs } = would;
  if (plan === null || prediction === null) return `${where}: nothing could answer yet.`;
  const way = TEXTS.ways[wayOf(plan, model)];
  const sent = sentBytes === 0 ? "nothing sent" : `${formatBytes(sentBytes)} sent`;
  const { accuracy, totalMs } = prediction;
  const right = accuracy === null ? "" : `, right in ${formatOf100(accuracy)} of 100`;
  const over = totalMs - budgetMs;
  const late = over > 0 ? `, ${formatMs(over)} ${TEXTS.late}` : "";
  return `${where}: ${way[0]!.toLowerCase()}${way.slice(1)}, ${sent}${right}${late}.`;
}

/** What is tried, in a few words: `CAT1, 120 ms of waiting, phone 2.0 times slower` */
export function triedWords({ uplinkBps, rttMs, queueMs, slower }: Simulated): string {
  const network = networkAt(uplinkBps);
  return [
    network ?? `${formatRate(uplinkBps)}, ${formatMs(rttMs)} there and back`,
    ...(queueMs < 1 ? [] : [`cloud ${queueWords(queueMs)}`]),
    ...(slower < 1.05 ? [] : [`phone ${slowerWords(slower)}`]),
  ].join(", ");
}

/** `idle`, `120 ms of waiting` */
export function queueWords(queueMs: number): string {
  return queueMs < 1 ? "idle" : `${formatMs(queueMs)} of waiting`;
}

/** `as it is`, `2.0 times slower`, `1.5 times as fast` */
export function slowerWords(slower: number): string {
  if (Math.abs(slower - 1) < 0.05) return "as it is";
  return slower > 1 ? `${slower.toFixed(1)} times slower` : `${(1 / slower).toFixed(1)} times as fast`;
}
