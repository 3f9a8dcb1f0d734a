import { HEADER_BYTES, NO_SPREAD, type Plan } from "#shared/model";
import { LivePlanner } from "#shared/optimizer";
import { TRANSPORT } from "../session/answering.ts";
import type { Oracle, PhotoNow, Pilot } from "../session/pilot.ts";
import type { Scenario } from "../session/scenario.ts";
import { stageKey } from "../session/stage-key.ts";
import type { World } from "../world/world.ts";
import { type HeadWay, listWays, type OptionWay, type Ways } from "./ways.ts";

/**
 * The oracle: it knows what edge, link and service will do to this photo under every plan, but not what the exits will
 * say of it. So it takes what answers most photos rightly and in time under these conditions; where an accuracy is
 * asked for, what is fastest on average; under load, what keeps up by conditions that are certain.
 *
 * It looks at one photo at a time: that one plan leaves the phone hotter than another for the next is not weighed.
 */
export const clairvoyant: Pilot = {
  name: "clairvoyant",
  senses: "network",
  isEager: false,
  isInsured: false,
  start: (scenario) => new Clairvoyant(scenario),
};

class Clairvoyant implements Oracle {
  private readonly scenario: Scenario;
  private readonly planner: LivePlanner;
  private readonly ways: readonly Ways[];

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    const { planner, ways } = knowledgeOf(scenario);
    this.planner = planner;
    this.ways = ways;
  }

  foretell(world: World, photo: PhotoNow): Plan {
    const { objective, framesPerSecond } = this.scenario;
    if (objective.kind === "accuracy") {
      const found = this.mostRight(world, photo, objective.budgetMs);
      return found ?? this.underLoad(world, framesPerSecond!);
    }
    if (framesPerSecond !== null) return this.underLoad(world, framesPerSecond);
    return this.fastest(world, photo, objective.minAccuracy);
  }

  /** @returns null where nothing keeps up with the frames */
  private mostRight(world: World, photo: PhotoNow, budgetMs: number): Plan | null {
    const dueMs = photo.startMs + budgetMs;
    const keepsUp = this.paceOf(world);
    let best: { readonly plan: Plan; readonly share: number; readonly ms: number } | null = null;
    for (const ways of this.ways) {
      const timing = new Timing(world, photo, ways);
      for (const option of ways.options) {
        const may = keepsUp && ((way: HeadWay): boolean => keepsUp(ways, option, way));
        const head = timing.inTime(dueMs, may);
        const late = head ?? timing.soonest(may);
        if (late === null) continue;
        const { endMs } = late;
        const askedShare = timing.askedMs.reduce(
          (sum, ms, at) => sum + (ms <= dueMs ? option.rightShares[at]! : 0),
          0,
        );
        const rest = option.shares.at(-1)!;
        const restShare = head === null ? 0 : option.rightShares.at(-1)! - rest * head.way.loss;
        const share = askedShare + restShare;
        const ms = meanMs(option, timing.askedMs, endMs);
        const isBetter =
          best === null || share > best.share + ALIKE || (share > best.share - ALIKE && ms < best.ms);
        if (isBetter) best = { plan: planOf(late.way, option), share, ms };
      }
    }
    return best?.plan ?? null;
  }

  /** Whether a way keeps up with the frames, by the conditions of the next second; null where there are none. */
  private paceOf(world: World): ((ways: Ways, option: OptionWay, way: HeadWay) => boolean) | null {
    const { framesPerSecond } = this.scenario;
    if (framesPerSecond === null) return null;
    const { edgeScale, uplinkBps, cloudScale } = world.conditionsAt(world.clock.now);
    const { imageMs } = world.edge.settings;
    const limitMs = 1000 / framesPerSecond;
    return ({ askMs }, { shares }, { restMs, bytes, cloudMs }) => {
      let reach = 1;
      let edgeMs = 0;
      for (const [at, ms] of askMs.entries()) {
        edgeMs += reach * ms;
        reach -= shares[at]!;
      }
      const longestMs = Math.max(
        imageMs + edgeScale * (edgeMs + reach * restMs),
        (reach * 8000 * bytes) / uplinkBps,
        reach * cloudScale * cloudMs,
      );
      return longestMs <= limitMs;
    };
  }

  private fastest(world: World, photo: PhotoNow, minAccuracy: number): Plan {
    let best: { readonly plan: Plan; readonly isEnough: boolean; readonly rank: number } | null = null;
    for (const ways of this.ways) {
      const timing = new Timing(world, photo, ways);
      for (const option of ways.options) {
        const isPromised = option.promised >= minAccuracy;
        const edge = ways.heads.find(({ isRemote }) => !isRemote);
        const isEdgeOnly = !isPromised && option.accuracy >= minAccuracy && edge !== undefined;
        const { way, endMs } = isEdgeOnly ? timing.of(edge) : timing.soonest()!;
        const isEnough = isPromised || isEdgeOnly;
        const rank = isEnough ? -meanMs(option, timing.askedMs, endMs) : option.accuracy;
        const isBetter =
          best === null || (isEnough && !best.isEnough) || (isEnough === best.isEnough && rank > best.rank);
        if (isBetter) best = { plan: planOf(way, option), isEnough, rank };
      }
    }
    return best!.plan;
  }

  /** By the conditions of the next second, certain. */
  private underLoad(world: World, framesPerSecond: number): Plan {
    const { objective } = this.scenario;
    const { now } = world.clock;
    const conditions = { ...world.conditionsAt(now), spread: NO_SPREAD };
    const lead = { ms: world.edge.settings.imageMs, sdMs: 0 };
    const request = { conditions, objective, framesPerSecond, lead };
    const { exit, head, early, codecs } = this.planner.describe(this.planner.decide(request)!, request);
    return { exit, head, ...(early && { early }), ...(codecs && { codecs }) };
  }
}

interface Knowledge {
  readonly planner: LivePlanner;
  readonly ways: readonly Ways[];
}

/** Envelopes take their time: those of a model's costs are listed once. */
function knowledgeOf({ model, truth, verdicts }: Scenario): Knowledge {
  const known = kept.get(truth);
  if (known?.model === model) return known;
  const planner = new LivePlanner({ costs: truth, policies: model.metadata.policies ?? [] });
  const knowledge = { model, planner, ways: listWays(planner, verdicts) };
  kept.set(truth, knowledge);
  return knowledge;
}

const kept = new WeakMap<Scenario["truth"], Knowledge & Pick<Scenario, "model">>();

/** Shares of photos that differ by less are alike: less than one photo of ten thousand. */
const ALIKE = 1e-5;

interface Timed {
  readonly way: HeadWay;
  readonly endMs: number;
}

/** Which heads may be taken; null: all. */
type May = ((way: HeadWay) => boolean) | null;

/** When each way would end for one photo, were it to begin now. */
class Timing {
  /** By early exit: when it would have answered. */
  readonly askedMs: readonly number[];
  private readonly world: World;
  private readonly photo: PhotoNow;
  private readonly ways: Ways;
  private readonly restAtMs: number;
  private readonly known = new Map<HeadWay, Timed>();

  constructor(world: World, photo: PhotoNow, ways: Ways) {
    this.world = world;
    this.photo = photo;
    this.ways = ways;
    let now = world.clock.now;
    this.askedMs = ways.askMs.map((ms, at) => {
      now = this.stageEndMs(now, ms, at + 1);
      return now;
    });
    this.restAtMs = now;
  }

  /** The head of least loss, then the soonest, that ends by then; null when none does. */
  inTime(dueMs: number, may: May = null): Timed | null {
    let best: Timed | null = null;
    for (const { way, sentMs, leastMs } of this.candidates()) {
      if (leastMs > dueMs) break;
      if (best !== null && way.loss >= best.way.loss) continue;
      if (may !== null && !may(way)) continue;
      const timed = this.timed(way, sentMs);
      if (timed.endMs <= dueMs) best = timed;
    }
    return best;
  }

  /** @returns null where none may be taken */
  soonest(may: May = null): Timed | null {
    let best: Timed | null = null;
    for (const { way, sentMs, leastMs } of this.candidates()) {
      if (best !== null && leastMs >= best.endMs) break;
      if (may !== null && !may(way)) continue;
      const timed = this.timed(way, sentMs);
      if (best === null || timed.endMs < best.endMs) best = timed;
    }
    return best;
  }

  of(way: HeadWay): Timed {
    return this.timed(way, this.stageEndMs(this.restAtMs, way.restMs, this.ways.askMs.length + 1));
  }

  private sorted:
    | readonly { readonly way: HeadWay; readonly sentMs: number; readonly leastMs: number }[]
    | null = null;

  /** Soonest first, were there no way back and nobody else at the service. */
  private candidates(): NonNullable<Timing["sorted"]> {
    const { world, photo, ways } = this;
    this.sorted ??= ways.heads
      .map((way) => {
        const sentMs = this.stageEndMs(this.restAtMs, way.restMs, ways.askMs.length + 1);
        if (!way.isRemote) return { way, sentMs, leastMs: sentMs };
        const { arrivesMs } = world.link.foresee(sentMs, this.bytesOf(way, photo), "image");
        return { way, sentMs, leastMs: arrivesMs + world.cloud.computeMs(way.cloudMs, arrivesMs) };
      })
      .sort((a, b) => a.leastMs - b.leastMs);
    return this.sorted;
  }

  private timed(way: HeadWay, sentMs: number): Timed {
    const known = this.known.get(way) ?? { way, endMs: this.endMs(way, sentMs) };
    this.known.set(way, known);
    return known;
  }

  private endMs(way: HeadWay, sentMs: number): number {
    const { world, photo } = this;
    if (!way.isRemote) return sentMs;
    const sending = world.link.foresee(sentMs, this.bytesOf(way, photo), "image");
    const served = world.cloud.foresee(sending.arrivesMs, way.cloudMs);
    if (served === null) return Number.POSITIVE_INFINITY;
    return world.link.foreseeReply(served.endMs, way.replyBytes, sending);
  }

  private bytesOf({ bytes, varies }: HeadWay, { photo }: PhotoNow): number {
    return this.world.bytesOf({ bytes, varies, fixedBytes: HEADER_BYTES[TRANSPORT].request }, photo);
  }

  private stageEndMs(atMs: number, ms: number, stage: number): number {
    const { edge } = this.world;
    const run = edge.foresee(atMs, ms);
    return run.endMs + edge.otherMs(run, stageKey(this.photo.answer, stage));
  }
}

function meanMs({ shares }: OptionWay, askedMs: readonly number[], endMs: number): number {
  return askedMs.reduce((sum, ms, at) => sum + shares[at]! * ms, shares.at(-1)! * endMs);
}

function planOf({ plan }: HeadWay, { early }: OptionWay): Plan {
  return early.length === 0 ? plan : { ...plan, early };
}
