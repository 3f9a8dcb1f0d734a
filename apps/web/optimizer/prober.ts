import { toEddiError } from "#shared/errors";
import type { Conditions } from "#shared/model";
import type { CloudWatch } from "./cloud-watch.ts";
import { nextProbe, type ProbeState, probeBytes, tellsUplink, UPLINK_ALLOWANCE } from "./probe-policy.ts";
import { type Probed, probeRtt, probeUplink } from "./probes.ts";

const NEVER = Number.NEGATIVE_INFINITY;
/** How often it is asked whether a probe is due. */
const TICK_MS = 100;
/** Nobody waits longer than this for conditions to be known. */
const SETTLE_MS = 6000;
/** Small requests, and larger ones, after which the network counts as known. */
const ENOUGH = { rtt: 2, uplink: 3 } as const;

export interface ProberOptions {
  readonly cloud: CloudWatch;
  readonly conditions: () => Conditions;
  /** Whether an image is on its way to the cloud. */
  readonly isSending: () => boolean;
  /** After every probe; null when it failed, which `cloud` has been told. */
  readonly onProbed: (probed: Probed | null) => void;
}

/** Takes probes when `probe-policy.ts` says so, one at a time. */
export class Prober {
  private readonly options: ProberOptions;
  private probing: Promise<void> | null = null;
  /** Aborts an uplink probe that would be in an image's way. */
  private uplinkProbe = new AbortController();
  private state: Omit<ProbeState, "cloud" | "sending"> = {
    visible: true,
    rttProbes: 0,
    lastRttAt: NEVER,
    uplinkProbes: 0,
    spentBytes: 0,
    lastUplinkAt: NEVER,
    lastAnswerAt: NEVER,
  };

  constructor(options: ProberOptions) {
    this.options = options;
    setInterval(() => this.tick(), TICK_MS);
  }

  get known(): { readonly rtt: boolean; readonly uplink: boolean } {
    const { rttProbes, uplinkProbes } = this.state;
    return { rtt: rttProbes > 0, uplink: uplinkProbes >= ENOUGH.uplink };
  }

  setVisible(visible: boolean): void {
    this.state = { ...this.state, visible };
  }

  /** An image is about to be sent. */
  makeWay(): void {
    this.uplinkProbe.abort();
  }

  /** An image was answered, well or badly. */
  answered(): void {
    this.state = { ...this.state, lastAnswerAt: performance.now() };
    this.tick();
  }

  /**
   * A request of that size was answered: it has told the uplink, or at least that it is no slower. Probes alone
   * would not do: where image follows image each is broken off.
   */
  transferred(requestBytes: number): void {
    const { uplinkProbes, lastUplinkAt } = this.state;
    const tells = tellsUplink(requestBytes, this.options.conditions());
    this.state = {
      ...this.state,
      uplinkProbes: uplinkProbes + 1,
      lastUplinkAt: tells ? performance.now() : lastUplinkAt,
    };
  }

  /** Resolves when the network is known and no probe is under way; at once while nobody looks. */
  async settle(): Promise<void> {
    const end = performance.now() + SETTLE_MS;
    while (performance.now() < end) {
      this.tick();
      if (this.probing !== null) {
        await this.probing;
        continue;
      }
      const { visible, rttProbes } = this.state;
      const isKnown =
        rttProbes >= ENOUGH.rtt && (this.known.uplink || !this.options.cloud.isUp(performance.now()));
      if (isKnown || !visible) return;
      await new Promise((done) => setTimeout(done, TICK_MS));
    }
  }

  private tick(): void {
    if (this.probing !== null) return;
    const now = performance.now();
    const { cloud, isSending } = this.options;
    const probe = nextProbe({ ...this.state, sending: isSending(), cloud: cloud.state(now) }, now);
    if (probe === null) return;
    this.probing = (probe === "rtt" ? this.takeRtt() : this.takeUplink()).finally(() => {
      this.probing = null;
    });
  }

  private async takeRtt(): Promise<void> {
    const { cloud, onProbed } = this.options;
    const probed = await probeRtt().catch(() => null);
    if (probed === null) cloud.failed(null, performance.now());
    else cloud.answered();
    this.state = { ...this.state, rttProbes: this.state.rttProbes + 1, lastRttAt: performance.now() };
    onProbed(probed);
  }

  private async takeUplink(): Promise<void> {
    const { cloud, conditions, onProbed } = this.options;
    const bytes = probeBytes(conditions(), this.state.uplinkProbes === 0);
    this.spend(bytes);
    setTimeout(() => this.spend(-bytes), UPLINK_ALLOWANCE.inMs);
    this.uplinkProbe = new AbortController();
    let probed: Probed | null = null;
    try {
      probed = await probeUplink(bytes, this.uplinkProbe.signal);
      if (probed[0].kind === "transfer") cloud.answered();
    } catch (thrown) {
      if (toEddiError(thrown).code === "cancelled") return;
      cloud.failed(null, performance.now());
    }
    const { uplinkProbes } = this.state;
    this.state = { ...this.state, uplinkProbes: uplinkProbes + 1, lastUplinkAt: performance.now() };
    onProbed(probed);
  }

  private spend(bytes: number): void {
    this.state = { ...this.state, spentBytes: this.state.spentBytes + bytes };
  }
}
