import {
  type CloudWatch,
  nextProbe,
  PROBE_HEADER_BYTES,
  PROBE_TICK_MS,
  PROBE_TIMEOUT_MS,
  type Probe,
  type ProbeState,
  probeBytes,
  tellsUplink,
  UPLINK_ALLOWANCE,
} from "#shared/learning";
import type { Conditions } from "#shared/model";
import type { Observation } from "#shared/network";
import type { Sending } from "../world/link.ts";
import type { World } from "../world/world.ts";

export interface ProberOptions {
  readonly world: World;
  readonly cloud: CloudWatch;
  readonly conditions: () => Conditions;
  /** Whether an image is on its way to the cloud. */
  readonly isSending: () => boolean;
  readonly onProbed: (taught: readonly Observation[]) => void;
}

/** Of a probe's reply. */
const REPLY_BYTES = 450;
const NEVER = Number.NEGATIVE_INFINITY;

/** A probe under way. */
interface Probing {
  readonly probe: Probe;
  readonly sending: Sending;
}

/** Takes probes as the page's prober does, when the same policy says so, in simulated time. */
export class Prober {
  private readonly options: ProberOptions;
  private probing: Probing | null = null;
  private isOver = false;
  private state: Omit<ProbeState, "cloud" | "sending"> = {
    visible: true,
    takesUplink: true,
    rttProbes: 0,
    lastRttAt: NEVER,
    uplinkProbes: 0,
    spentBytes: 0,
    lastUplinkAt: NEVER,
    lastAnswerAt: NEVER,
  };

  constructor(options: ProberOptions) {
    this.options = options;
    this.keepTicking();
  }

  /** No more probes: the last photo is answered. */
  stop(): void {
    this.isOver = true;
  }

  setVisible(visible: boolean): void {
    this.state = { ...this.state, visible };
  }

  /** An image is about to be sent. */
  makeWay(): void {
    const { probing } = this;
    if (probing?.probe !== "uplink") return;
    const { link, clock } = this.options.world;
    link.giveUp(probing.sending, clock.now);
    this.probing = null;
  }

  answered(): void {
    this.state = { ...this.state, lastAnswerAt: this.options.world.clock.now };
    this.tick();
  }

  forget(): void {
    this.state = { ...this.state, rttProbes: 0, uplinkProbes: 0 };
  }

  /** A request of that size was answered. */
  transferred(requestBytes: number): void {
    const { uplinkProbes, lastUplinkAt } = this.state;
    const tells = tellsUplink(requestBytes, this.options.conditions());
    const now = this.options.world.clock.now;
    this.state = {
      ...this.state,
      uplinkProbes: uplinkProbes + 1,
      lastUplinkAt: tells ? now : lastUplinkAt,
    };
  }

  private keepTicking(): void {
    if (this.isOver) return;
    this.tick();
    const { clock } = this.options.world;
    clock.at(clock.now + PROBE_TICK_MS, () => this.keepTicking());
  }

  private tick(): void {
    if (this.probing !== null || this.isOver) return;
    const { cloud, isSending, world } = this.options;
    const { now } = world.clock;
    const probe = nextProbe({ ...this.state, sending: isSending(), cloud: cloud.state(now) }, now);
    if (probe !== null) this.take(probe);
  }

  private take(probe: Probe): void {
    const { world, conditions } = this.options;
    const { clock, link, cloud } = world;
    const sentMs = clock.now;
    const body = probe === "rtt" ? 0 : probeBytes(conditions(), this.state.uplinkProbes === 0);
    if (body > 0) this.spend(body);
    const sending = link.send(sentMs, body + PROBE_HEADER_BYTES, "probe");
    const probing = { probe, sending };
    this.probing = probing;
    const isLive = (): boolean => this.probing === probing;
    clock.at(sending.arrivesMs, () => {
      if (!isLive()) return;
      const queueMs = cloud.toldQueueMs(clock.now);
      clock.at(link.reply(clock.now, REPLY_BYTES, sending), () => {
        if (!isLive()) return;
        const atMs = clock.now;
        const elapsedMs = atMs - sentMs;
        this.options.cloud.answered();
        this.ended(probe, [
          { kind: "transfer", atMs, requestBytes: sending.bytes, elapsedMs, serverMs: 0 },
          { kind: "queue", atMs, queueMs },
        ]);
      });
    });
    clock.at(sentMs + PROBE_TIMEOUT_MS[probe], () => {
      if (!isLive()) return;
      link.giveUp(sending, clock.now);
      this.ended(probe, this.unanswered(probing));
    });
  }

  private unanswered({ probe, sending }: Probing): readonly Observation[] {
    const atMs = this.options.world.clock.now;
    if (probe === "uplink") {
      const waitedMs = PROBE_TIMEOUT_MS.uplink;
      return [{ kind: "silence", atMs, requestBytes: sending.bytes, serverMs: 0, waitedMs }];
    }
    this.options.cloud.failed(null, atMs);
    return [];
  }

  private ended(probe: Probe, taught: readonly Observation[]): void {
    const { now } = this.options.world.clock;
    const counts = taught.filter(({ kind }) => kind === "transfer").length;
    const { rttProbes, uplinkProbes } = this.state;
    this.state =
      probe === "rtt"
        ? { ...this.state, rttProbes: rttProbes + counts, lastRttAt: now }
        : { ...this.state, uplinkProbes: uplinkProbes + counts, lastUplinkAt: now };
    this.probing = null;
    this.options.onProbed(taught);
    this.tick();
  }

  private spend(bytes: number): void {
    const { clock } = this.options.world;
    this.state = { ...this.state, spentBytes: this.state.spentBytes + bytes };
    clock.at(clock.now + UPLINK_ALLOWANCE.inMs, () => {
      this.state = { ...this.state, spentBytes: this.state.spentBytes - bytes };
    });
  }
}
