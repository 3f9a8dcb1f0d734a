import type { Conditions } from "#shared/model";
import { chanceWithin } from "./normal.ts";
import type { Option } from "./options.ts";

/** Spent before a plan's latency begins: decoding the image. Counts against the budget. */
export interface Lead {
  readonly ms: number;
  readonly sdMs: number;
}

export const NO_LEAD: Lead = { ms: 0, sdMs: 0 };

/**
 * How long the heads of options take under the conditions of one request, and how likely they keep its budget.
 * Latencies are taken for normal, of the mean and the spread that the conditions say (`latencyOf`, `latencySdMs`,
 * taken apart).
 */
export class Chance {
  private edge = Number.NaN;
  private cloud = Number.NaN;
  private msPerByte = Number.NaN;
  private msPerDownByte = Number.NaN;
  private onceMs = Number.NaN;
  private leadMs = Number.NaN;
  private leadVariance = Number.NaN;
  private budgetMs = Number.NaN;
  private edgeSpread = Number.NaN;
  private cloudSpread = Number.NaN;
  private uplinkSpread = Number.NaN;
  private networkSpread = Number.NaN;
  private rttSdMs = Number.NaN;
  private rttMs = Number.NaN;
  private correlation = Number.NaN;

  /** @param budgetMs Infinity where there is none: whatever takes how long is in time */
  read(conditions: Conditions, budgetMs: number, lead: Lead): void {
    const { spread } = conditions;
    this.edge = conditions.edgeScale;
    this.cloud = conditions.cloudScale;
    this.msPerByte = 8000 / conditions.uplinkBps;
    this.msPerDownByte = 8000 / conditions.downlinkBps;
    this.rttMs = conditions.rttMs;
    this.onceMs = conditions.rttMs + conditions.queueMs;
    this.leadMs = lead.ms;
    this.leadVariance = lead.sdMs ** 2;
    this.budgetMs = budgetMs;
    this.edgeSpread = spread.edge;
    this.cloudSpread = spread.cloud;
    this.uplinkSpread = spread.uplink;
    this.networkSpread = spread.network;
    this.rttSdMs = spread.rttMs;
    this.correlation = spread.rttUplink;
  }

  /** Latency of an image that no early exit answers, but for what these add. */
  headMs({ envelope, costs }: Option, head: number): number {
    const remoteMs = this.onceMs + this.msPerDownByte * costs.resultBytes;
    return (
      this.edge * envelope.edgeMs[head]! +
      this.cloud * envelope.cloudMs[head]! +
      this.msPerByte * envelope.bytes[head]! +
      envelope.remote[head]! * remoteMs
    );
  }

  /** Mean latency over images, those that an early exit answers included. */
  expectedMs(option: Option, head: number): number {
    const { rest, extraMs, answeredMs } = option;
    return rest * (this.headMs(option, head) + this.edge * extraMs) + this.edge * answeredMs;
  }

  /** Mean times of edge, uplink and cloud for each image: the longest of them. */
  periodMs({ envelope, rest, extraMs, answeredMs }: Option, head: number): number {
    return Math.max(
      this.edge * (rest * (envelope.edgeMs[head]! + extraMs) + answeredMs),
      rest * this.msPerByte * envelope.bytes[head]!,
      rest * this.cloud * envelope.cloudMs[head]!,
    );
  }

  /** Probability that an image is answered by an early exit, and in time. */
  ofEarly({ answers, answerMs }: Option): number {
    let share = 0;
    for (let at = 0; at < answers.length; at++) {
      const ms = this.edge * answerMs[at]!;
      const variance = this.leadVariance + (ms * this.edgeSpread) ** 2;
      share += answers[at]! * chanceWithin(this.budgetMs - this.leadMs - ms, variance);
    }
    return share;
  }

  /** Probability that an image that no early exit answers is in time. */
  ofHead(option: Option, head: number): number {
    const { envelope, extraMs } = option;
    const edgeMs = this.edge * (envelope.edgeMs[head]! + extraMs);
    const totalMs = this.headMs(option, head) + this.edge * extraMs;
    const cloudMs = this.cloud * envelope.cloudMs[head]!;
    const uplinkMs = this.msPerByte * envelope.bytes[head]!;
    const remote = envelope.remote[head]!;
    const uplinkSd = uplinkMs * this.uplinkSpread;
    const rttSd = remote * this.rttSdMs;
    const variance =
      this.leadVariance +
      (edgeMs * this.edgeSpread) ** 2 +
      (cloudMs * this.cloudSpread) ** 2 +
      uplinkSd ** 2 +
      rttSd ** 2 +
      2 * this.correlation * uplinkSd * rttSd +
      (remote * (this.rttMs + uplinkMs) * this.networkSpread) ** 2;
    return chanceWithin(this.budgetMs - this.leadMs - totalMs, variance);
  }

  /** Probability that an image is in time. */
  of(option: Option, head: number): number {
    if (this.budgetMs === Infinity) return 1;
    return this.ofEarly(option) + option.rest * this.ofHead(option, head);
  }
}
