import { signal } from "@preact/signals";
import type { Answer, PlanSummary } from "../../client/index.ts";

/** What was known of the connection at some time. */
export interface LinkMoment {
  /** By `performance.now()`; of another visit, since it began. */
  readonly atMs: number;
  readonly rttMs: number;
  readonly uplinkBps: number;
}

/** One answer: how long it took, and which of the model's exits gave it. */
export interface AnswerMoment {
  readonly atMs: number;
  readonly totalMs: number;
  readonly exit: string;
}

export interface Moments {
  readonly link: readonly LinkMoment[];
  readonly answers: readonly AnswerMoment[];
}

/** So long is remembered, and so far the charts go back. */
export const REMEMBERED_MS = 60_000;
/** Between two moments of the connection at least. */
const APART_MS = 200;

/** What has happened lately. */
export const lately = signal<Moments>({ link: [], answers: [] });

export function rememberLink({ conditions, measured }: PlanSummary): void {
  const atMs = performance.now();
  const { link, answers } = lately.value;
  if (!measured.rtt || atMs - (link.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) < APART_MS) return;
  const { rttMs, uplinkBps } = conditions;
  lately.value = { link: [...recent(link, atMs), { atMs, rttMs, uplinkBps }], answers };
}

export function rememberAnswer({ totalMs, exit }: Answer): void {
  const atMs = performance.now();
  const { link, answers } = lately.value;
  lately.value = { link, answers: [...recent(answers, atMs), { atMs, totalMs, exit }] };
}

/** One from before goes along: lines begin there. */
function recent<T extends { readonly atMs: number }>(moments: readonly T[], nowMs: number): readonly T[] {
  const first = moments.findIndex(({ atMs }) => nowMs - atMs < REMEMBERED_MS);
  return first < 0 ? moments.slice(-1) : moments.slice(Math.max(0, first - 1));
}
