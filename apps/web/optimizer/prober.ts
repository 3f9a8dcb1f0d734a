import { type EddiError, toEddiError } from "#shared/errors";
import {
  beside,
  type CloudWatch,
  nextProbe,
  PROBE_TICK_MS,
  type ProbeState,
  probeBytes,
  tellsUplink,
  UPLINK_ALLOWANCE,
} from "#shared/learning";
import type { Conditions } from "#shared/model";
import type { Observation } from "#shared/network";
import type { Service } from "../service/service.ts";
import type { DownloadWatch } from "./download-watch.ts";
import { type Probed, probeRtt, probeUplink } from "./probes.ts";

const NEVER = Number.NEGATIVE_INFINITY;
/** Nobody waits longer than this for conditions to be known. */
const SETTLE_MS = 6000;
/** Small requests, and larger ones, after which the network counts as known. */
const ENOUGH = { rtt: 2, uplink: 3 } as const;
/** Downloads that bring nothing for so long are no reason to wait with the question whether the service lives. */
const QUIET_MS = 2000;

export interface ProberOptions {
  readonly service: Pick<Service, "fetch">;
  readonly cloud: CloudWatch;
  /** Whether the service takes probes of the uplink: else only images tell it. */
  readonly takesUplink: boolean;
  readonly conditions: () => Conditions;
  /** Whether an image is on its way to the cloud. */
  readonly isSending: () => boolean;
  readonly downloads: DownloadWatch;
  /** Asks downloads to wait, and lets them go on. */
  readonly hold: (isHeld: boolean) => void;
  /** After every probe: what it has taught. When it failed `cloud` has been told. */
  readonly onProbed: (taught: readonly Observation[]) => void;
}

/** Takes probes when `probe-policy.ts` says so, one at a time. */
export class Prober {
  private readonly options: ProberOptions;
  private probing: Promise<void> | null = null;
  /** Aborts an uplink probe that would be in an image's way. */
  private uplinkProbe = new AbortController();
  /** Since when downloads have been asked to wait; null while they may go on. */
  private heldMs: number | null = null;
  /** RTT probes taken, whatever came of them. */
  private asked = 0;
  private state: Omit<ProbeState, "cloud" | "sending" | "takesUplink"> = {
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
    setInterval(() => this.tick(), PROBE_TICK_MS);
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

  /** The service is down: what was known of the way to it was true before. */
  forget(): void {
    this.state = { ...this.state, rttProbes: 0, uplinkProbes: 0 };
  }

  /** What is on the link has changed. */
  downloadsChanged(): void {
    this.tick();
  }

  /** Somebody else downloads now, who has not been asked for anything yet. */
  downloaderChanged(): void {
    this.heldMs = null;
  }

  /**
   * A request of that size was answered, alone on the link: it has told the uplink, or at least that it is no slower.
   * Probes alone would not do: where image follows image each is broken off.
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
      const { cloud, takesUplink } = this.options;
      const isUplinkKnown = this.known.uplink || !takesUplink;
      const isUp = cloud.isUp(performance.now());
      const isKnown = isUp ? rttProbes >= ENOUGH.rtt && isUplinkKnown : this.asked >= ENOUGH.rtt;
      if (isKnown || !visible) return;
      await new Promise((done) => setTimeout(done, PROBE_TICK_MS));
    }
  }

  private tick(): void {
    if (this.probing !== null) return;
    const now = performance.now();
    const { cloud, takesUplink, isSending, downloads } = this.options;
    const asked = { ...this.state, takesUplink, sending: isSending(), cloud: cloud.state(now) };
    const probe = nextProbe(asked, now);
    this.hold(probe !== null && downloads.canWait, now);
    if (probe === null) return;
    const isFree = !downloads.isOn;
    // A download that brings nothing may be waiting for a dead service.
    const lastMs = Math.max(this.heldMs ?? NEVER, this.state.lastRttAt);
    const isDoubtful = Math.min(downloads.silentMs(now), now - lastMs) >= QUIET_MS;
    if (!isFree && !isDoubtful) return;
    this.probing = (isFree && probe === "uplink" ? this.takeUplink() : this.takeRtt()).finally(() => {
      this.probing = null;
      this.tick();
    });
  }

  /** Downloads wait from when a probe is due until none is. */
  private hold(isHeld: boolean, now: number): void {
    if (isHeld === (this.heldMs !== null)) return;
    this.heldMs = isHeld ? now : null;
    this.options.hold(isHeld);
  }

  private async takeRtt(): Promise<void> {
    const sentAt = performance.now();
    const taught = await this.taughtBy(probeRtt(this.options.service), sentAt);
    const { rttProbes } = this.state;
    this.asked += 1;
    this.state = { ...this.state, rttProbes: rttProbes + countOf(taught), lastRttAt: performance.now() };
    this.options.onProbed(taught);
  }

  private async takeUplink(): Promise<void> {
    const { service, conditions, onProbed } = this.options;
    const bytes = probeBytes(conditions(), this.state.uplinkProbes === 0);
    this.spend(bytes);
    setTimeout(() => this.spend(-bytes), UPLINK_ALLOWANCE.inMs);
    this.uplinkProbe = new AbortController();
    const { signal } = this.uplinkProbe;
    const taught = await this.taughtBy(probeUplink(service, bytes, signal), performance.now());
    if (signal.aborted) return;
    const uplinkProbes = this.state.uplinkProbes + countOf(taught);
    this.state = { ...this.state, uplinkProbes, lastUplinkAt: performance.now() };
    onProbed(taught);
  }

  /** What a probe teaches; that it failed the watch of the cloud is told. */
  private async taughtBy(probe: Promise<Probed>, sentAt: number): Promise<readonly Observation[]> {
    const { cloud, downloads } = this.options;
    try {
      const probed = await probe;
      if (probed[0].kind === "transfer") cloud.answered();
      return downloads.wasOnSince(sentAt) ? beside(probed) : probed;
    } catch (thrown) {
      this.failed(toEddiError(thrown), sentAt);
      return [];
    }
  }

  /** An answer that is but late, behind bytes that arrive, is no sign that the service is down. */
  private failed({ code }: EddiError, sentAt: number): void {
    const { cloud, downloads } = this.options;
    if (code === "cancelled" || (code === "timeout" && downloads.mayHaveHeardSince(sentAt))) return;
    cloud.failed(null, performance.now());
  }

  private spend(bytes: number): void {
    this.state = { ...this.state, spentBytes: this.state.spentBytes + bytes };
  }
}

/** How many measurements of the link these are. One that timed out only says what the link is not. */
function countOf(taught: readonly Observation[]): number {
  return taught.filter(({ kind }) => kind === "transfer").length;
}
