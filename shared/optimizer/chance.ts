import { type Conditions, tripSteps } from "#shared/model";
import { timerMs } from "./decision.ts";
import {
  INSURANCE_STAYS_Z,
  INSURANCE_Z,
  latestMs,
  leastDeviations,
  likelihood,
  SURE_Z,
} from "./likelihood.ts";
import { deviations } from "./normal.ts";
import type { Option } from "./options.ts";

/** Spent before a plan's latency begins: decoding the image. Counts against the budget. */
export interface Lead {
  readonly ms: number;
  readonly sdMs: number;
}

export const NO_LEAD: Lead = { ms: 0, sdMs: 0 };

/** After so many doublings a request has more bytes than any has. */
const MOST_STEPS = 24;
/** Square of the deviations of what has no spread. */
const CERTAIN = 1e18;

/**
 * How long the heads of options take under the conditions of one request, and how likely they keep its budget.
 * Latencies are taken for normal, of the mean and the spread that the conditions say (`latencyOf`, `latencySdMs`,
 * taken apart), see `likelihood`.
 */
export class Chance {
  private edge = Number.NaN;
  private cloud = Number.NaN;
  private msPerByte = Number.NaN;
  private msPerDownByte = Number.NaN;
  private queueMs = Number.NaN;
  /** Round trips that slow start takes, by steps of bytes. */
  private steps = 0;
  private readonly beyond = new Float64Array(MOST_STEPS);
  private readonly trips = new Float64Array(MOST_STEPS);
  private leadMs = Number.NaN;
  private leadVariance = Number.NaN;
  /** The budget, less the lead. */
  private timeMs = Number.NaN;
  private timerMs = Number.NaN;
  private edgeSpread = Number.NaN;
  private cloudSpread = Number.NaN;
  private uplinkSpread = Number.NaN;
  private networkSpread = Number.NaN;
  private rttSdMs = Number.NaN;
  private rttMs = Number.NaN;
  private correlation = Number.NaN;
  /** Share of requests that come in time if any do. */
  private kept = Number.NaN;
  private leastZ = Number.NaN;
  /** How long the edge may work for an image, at scale 1, for an insurance; and for one in use. */
  private workLimitMs = Number.NaN;
  private keptLimitMs = Number.NaN;

  /** @param budgetMs Infinity where there is none: whatever takes how long is in time */
  read(conditions: Conditions, budgetMs: number, lead: Lead): void {
    const { spread } = conditions;
    this.edge = conditions.edgeScale;
    this.cloud = conditions.cloudScale;
    this.msPerByte = 8000 / conditions.uplinkBps;
    this.msPerDownByte = 8000 / conditions.downlinkBps;
    this.rttMs = conditions.rttMs;
    this.queueMs = conditions.queueMs;
    this.steps = tripSteps(conditions, this.beyond, this.trips);
    this.leadMs = lead.ms;
    this.leadVariance = lead.sdMs ** 2;
    this.timeMs = budgetMs - lead.ms;
    this.timerMs = timerMs(budgetMs);
    this.edgeSpread = spread.edge;
    this.cloudSpread = spread.cloud;
    this.uplinkSpread = spread.uplink;
    this.networkSpread = spread.network;
    this.rttSdMs = spread.rttMs;
    this.correlation = spread.rttUplink;
    this.kept = 1 - spread.late;
    this.leastZ = leastDeviations(spread);
    this.workLimitMs = this.workLimit(INSURANCE_Z);
    this.keptLimitMs = this.workLimit(INSURANCE_STAYS_Z);
  }

  /** Latency of an image that no early exit answers, but for what these add. */
  headMs({ envelope, costs }: Option, head: number): number {
    const remoteMs =
      this.rttOf(envelope.bytes[head]!) + this.queueMs + this.msPerDownByte * costs.resultBytes;
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

  /**
   * Mean times of edge, uplink and cloud for each image: the longest of them. The edge decodes each one too.
   *
   * @param finishMs what an insurance has left to do, at edge scale 1: as if each of its images worked twice
   */
  periodMs({ envelope, rest, extraMs, answeredMs }: Option, head: number, finishMs: number): number {
    return Math.max(
      this.leadMs + this.edge * (rest * (envelope.edgeMs[head]! + extraMs + finishMs) + answeredMs),
      rest * this.msPerByte * envelope.bytes[head]!,
      rest * this.cloud * envelope.cloudMs[head]!,
    );
  }

  /** Round trips of a request, in ms: more than one where slow start begins anew. */
  private rttOf(bytes: number): number {
    const { steps, beyond, trips, rttMs } = this;
    let step = 0;
    while (step < steps && bytes > beyond[step]!) step++;
    return step === 0 ? rttMs : rttMs * trips[step - 1]!;
  }

  /** How many heads may be the fastest: mean latency is linear but for slow start, and then the hull is enough. */
  fastestCount({ envelope }: Option): number {
    return this.steps > 0 ? envelope.count : envelope.hullCount;
  }

  /** Index of the head of least mean latency. */
  fastestHead(option: Option): number {
    const { edgeMs, cloudMs, bytes, remote } = option.envelope;
    const { edge, cloud, msPerByte, rttMs, steps } = this;
    const count = this.fastestCount(option);
    const remoteMs = rttMs + this.queueMs + this.msPerDownByte * option.costs.resultBytes;
    let best = 0;
    let bestMs = Infinity;
    for (let head = 0; head < count; head++) {
      const least =
        edge * edgeMs[head]! + cloud * cloudMs[head]! + msPerByte * bytes[head]! + remote[head]! * remoteMs;
      if (least >= bestMs) continue;
      const ms = steps > 0 && remote[head] === 1 ? least + this.rttOf(bytes[head]!) - rttMs : least;
      if (ms >= bestMs) continue;
      best = head;
      bestMs = ms;
    }
    return best;
  }

  /** Probability that an early exit's answer is in time. */
  ofAsked({ answerMs }: Option, at: number): number {
    const ms = this.edge * answerMs[at]!;
    const variance = this.leadVariance + (ms * this.edgeSpread) ** 2;
    return this.of(this.deviationsOf(ms, Math.sqrt(variance)), 0);
  }

  /** Chance of being in time by so many deviations. @param remote 1 when something travels */
  of(z: number, remote: number): number {
    const chance = likelihood(z, this.leastZ);
    return remote === 1 ? this.kept * chance : chance;
  }

  /** Probability that an image is in time, by an early exit or by this head. */
  ofImage(option: Option, head: number): number {
    const { answers, rest } = option;
    const z = this.deviationsOf(this.restMs(option, head), this.headSdMs(option, head));
    let share = rest * this.of(z, option.envelope.remote[head]!);
    for (let at = 0; at < answers.length; at++) share += answers[at]! * this.ofAsked(option, at);
    return share;
  }

  /** Whether that is always in time. @param remote 1 when something travels */
  isSure(z: number, remote: number): boolean {
    return z >= SURE_Z && (remote === 0 || this.kept === 1);
  }

  /** By how many deviations what takes so long is in time. */
  deviationsOf(ms: number, sdMs: number): number {
    return deviations(this.timeMs - ms, sdMs);
  }

  /** Mean latency of an image that no early exit answers. */
  restMs(option: Option, head: number): number {
    return this.headMs(option, head) + this.edge * option.extraMs;
  }

  /** Its standard deviation. */
  headSdMs({ envelope, extraMs }: Option, head: number): number {
    const edgeMs = this.edge * (envelope.edgeMs[head]! + extraMs);
    const cloudMs = this.cloud * envelope.cloudMs[head]!;
    const uplinkMs = this.msPerByte * envelope.bytes[head]!;
    const remote = envelope.remote[head]!;
    const uplinkSd = uplinkMs * this.uplinkSpread;
    const rttSd = remote * this.rttSdMs;
    return Math.sqrt(
      this.leadVariance +
        (edgeMs * this.edgeSpread) ** 2 +
        (cloudMs * this.cloudSpread) ** 2 +
        uplinkSd ** 2 +
        rttSd ** 2 +
        2 * this.correlation * uplinkSd * rttSd +
        (remote * (this.rttOf(envelope.bytes[head]!) + uplinkMs) * this.networkSpread) ** 2,
    );
  }

  /**
   * Looks for the heads that are in time by most deviations: of those that each exit insures, of all from which something
   * travels, and, last, all-edge. This is
   * where a re-plan's time goes: squares are compared, for want of time for roots.
   *
   * @param finishMs  by exit that may stand in, by head
   * @param longestMs no stage may take longer
   * @param best      by exit, and two more: written; -Infinity where there is no such head
   */
  bestDeviations(
    option: Option,
    finishMs: readonly Float64Array[],
    longestMs: number,
    best: Float64Array,
  ): void {
    const { edgeMs, cloudMs, bytes, remote, insuredCount } = option.envelope;
    const { edge, cloud, msPerByte, timeMs, edgeSpread, cloudSpread, uplinkSpread } = this;
    const { networkSpread, rttSdMs, steps, correlation, leadVariance, workLimitMs } = this;
    const { extraMs } = option;
    const remoteMs = this.queueMs + this.msPerDownByte * option.costs.resultBytes;
    const none = finishMs.length;
    best.fill(-Infinity);
    for (let head = 0; head < insuredCount; head++) {
      const isRemote = remote[head]!;
      const own = edge * (edgeMs[head]! + extraMs);
      const tail = cloud * cloudMs[head]!;
      const uplink = msPerByte * bytes[head]!;
      const rttMs = steps > 0 ? this.rttOf(bytes[head]!) : this.rttMs;
      const slack = timeMs - own - tail - uplink - isRemote * (rttMs + remoteMs);
      const uplinkSd = uplink * uplinkSpread;
      const rttSd = isRemote * rttSdMs;
      const variance =
        leadVariance +
        (own * edgeSpread) ** 2 +
        (tail * cloudSpread) ** 2 +
        uplinkSd ** 2 +
        rttSd ** 2 +
        2 * correlation * uplinkSd * rttSd +
        (isRemote * (rttMs + uplink) * networkSpread) ** 2;
      // Signed square of the deviations, times the variance.
      const square = variance > 0 ? slack * Math.abs(slack) : CERTAIN * Math.sign(deviations(slack, 0));
      const unit = variance > 0 ? variance : 1;
      if (longestMs < Infinity && this.periodMs(option, head, 0) > longestMs) continue;
      const place = isRemote === 1 ? none : none + 1;
      if (square > best[place]! * unit) best[place] = square / unit;
      if (isRemote === 0) continue;
      const leftMs = workLimitMs - edgeMs[head]! - extraMs;
      if (leftMs < 0) continue;
      for (let at = 0; at < none; at++) {
        if (square <= best[at]! * unit || finishMs[at]![head]! > leftMs) continue;
        if (longestMs < Infinity && this.periodMs(option, head, finishMs[at]![head]!) > longestMs) continue;
        best[at] = square / unit;
      }
    }
    for (let at = 0; at <= none + 1; at++) {
      const square = best[at]!;
      best[at] = Math.sign(square) * Math.sqrt(Math.abs(square));
    }
  }

  /**
   * Probability that the reply is there before an insurance is started, so that the edge works but once.
   *
   * @param ms, sdMs of the reply
   * @param finishMs what the insurance has left to do, at edge scale 1
   */
  ofOnce(ms: number, sdMs: number, finishMs: number): number {
    if (finishMs === 0) return 1;
    const startsMs = this.timeMs - latestMs(this.edge * finishMs, this.edgeSpread) - this.timerMs;
    return this.of(deviations(startsMs - ms, sdMs), 1);
  }

  /**
   * Whether an insurance that is started when the head has run ends by the budget as often as it must, and whether
   * no stage takes longer than the longest may, were every image to work twice.
   *
   * @param isInUse then it may a little less often
   */
  mayInsure(option: Option, head: number, finishMs: number, longestMs: number, isInUse: boolean): boolean {
    const limitMs = isInUse ? this.keptLimitMs : this.workLimitMs;
    if (finishMs > limitMs - option.envelope.edgeMs[head]! - option.extraMs) return false;
    return longestMs === Infinity || this.periodMs(option, head, finishMs) <= longestMs;
  }

  /**
   * How long the edge may work at scale 1 for an image so that it ends by the budget, z deviations late: the solution g
   * of lead + g + z * sqrt(leadVariance + (spread * g)^2) = budget.
   */
  private workLimit(z: number): number {
    const { timeMs } = this;
    if (timeMs === Infinity) return Infinity;
    const c = timeMs ** 2 - z ** 2 * this.leadVariance;
    if (timeMs <= 0 || c < 0) return -1;
    const a = 1 - (z * this.edgeSpread) ** 2;
    // The smaller solution, without cancellation where a is near 0.
    return c / (timeMs + Math.sqrt(Math.max(0, timeMs ** 2 - a * c))) / this.edge;
  }
}
