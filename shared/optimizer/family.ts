import type { Chance } from "./chance.ts";
import type { InsuredEnvelope } from "./insured-envelope.ts";
import type { Option } from "./options.ts";

/**
 * Options that differ in nothing but the thresholds of their early exits: their heads take equally long. What is known
 * of these under the conditions of one request is kept here, so that it is computed once.
 */
export class Family {
  /** By early exit: the chance that its answer is in time. */
  readonly early: Float64Array;
  /** By exit that may stand in: by how many deviations a head that it insures is in time, at best; then without any, then all-edge. */
  readonly deviations: Float64Array;
  /** Index of the fastest head. */
  fastest = 0;
  private readonly option: Option;
  /** By exit that may stand in, by head: what it has left to do; infinite where it insures none of these options. */
  private readonly finishMs: readonly Float64Array[];
  /** By head: its spread, once it was asked for. */
  private readonly sdMs: Float64Array;
  private isScanned = false;

  /** @param options those of one envelope */
  constructor(envelope: InsuredEnvelope, options: readonly Option[]) {
    this.option = options[0]!;
    this.sdMs = new Float64Array(envelope.insuredCount);
    this.early = new Float64Array(this.option.early.length);
    const insurers = options.flatMap((option) => option.insurers);
    const count = Math.max(0, ...insurers.map(({ at }) => at + 1));
    this.finishMs = Array.from({ length: count }, (_, at) => {
      const own = insurers.find((insurer) => insurer.at === at);
      return own?.finishMs ?? new Float64Array(envelope.insuredCount).fill(Infinity);
    });
    this.deviations = new Float64Array(count + 2);
  }

  /** What is quickly known of a new request. */
  begin(chance: Chance): void {
    const { option, early } = this;
    this.isScanned = false;
    this.sdMs.fill(-1);
    for (let at = 0; at < early.length; at++) early[at] = chance.ofAsked(option, at);
    this.fastest = chance.fastestHead(option);
  }

  /** Standard deviation of an image that no early exit answers. */
  sdOf(chance: Chance, head: number): number {
    const known = this.sdMs[head]!;
    if (known >= 0) return known;
    const sdMs = chance.headSdMs(this.option, head);
    this.sdMs[head] = sdMs;
    return sdMs;
  }

  /** Whether the fastest head is always in time. */
  isSure(chance: Chance): boolean {
    const { option, fastest } = this;
    const z = chance.deviationsOf(chance.restMs(option, fastest), this.sdOf(chance, fastest));
    return chance.isSure(z, option.envelope.remote[fastest]!);
  }

  /**
   * The best chances, with each insurance and without.
   *
   * @param option    one of these: stages take as long as its thresholds let images pass
   * @param longestMs no stage may take longer; where any may, it is the same for all options, and done but once
   */
  scan(chance: Chance, option: Option, longestMs: number): void {
    if (longestMs === Infinity && this.isScanned) return;
    this.isScanned = longestMs === Infinity;
    chance.bestDeviations(option, this.finishMs, longestMs, this.deviations);
  }
}

/** @returns by option its family; options of one envelope share it */
export function familiesOf(options: readonly Option[]): readonly Family[] {
  const members = new Map<InsuredEnvelope, Option[]>();
  for (const option of options) {
    const own = members.get(option.envelope) ?? [];
    members.set(option.envelope, own);
    own.push(option);
  }
  const families = new Map([...members].map(([envelope, own]) => [envelope, new Family(envelope, own)]));
  return options.map(({ envelope }) => families.get(envelope)!);
}
