import { setTimeout as sleep } from "node:timers/promises";
import { isImageCodec } from "#shared/codecs";
import { costsOf, type ExitCosts, headMembers, type Wire } from "#shared/evaluator";
import { allCloud, allEdge, type Plan } from "#shared/model";
import { TRANSPORT } from "../simulate/session/answering.ts";
import { demandsOf } from "../simulate/session/demands.ts";
import type { Subject } from "../simulate/set-up/subject.ts";
import type { WorldSettings } from "../simulate/world/world.ts";
import type { LiveLink } from "./conditions.ts";
import type { LiveAnswer, LivePage } from "./live-page.ts";

/** What page and service of the rig are like, measured before anything is compared. */
export interface RigWorld {
  /** Of edge and service against the stored profiles, and how it scatters: standard deviation of the logarithm. */
  readonly edgeScale: number;
  readonly edgeNoise: number;
  /** Of the browser's own encoder of images, beside the edge's scale: it is no part of the engine. */
  readonly encodeScale: number;
  readonly cloudScale: number;
  readonly cloudNoise: number;
  readonly imageMs: number;
  /** What a request takes beside the link and the service. */
  readonly overheadMs: number;
}

const ROUNDS = 8;
/** A service that has just started is slow. */
const WARM_UPS = 3;
/** Photos come one by one: what has just run runs faster than what has rested. */
const REST_MS = 700;

/**
 * Forced plans, all here and all there, on the fast link: the image's pixels, and its file.
 *
 * @param link the fast one
 * @param photos how many the page keeps
 */
export async function measureRig(
  page: LivePage,
  subject: Subject,
  link: { readonly rttMs: number; readonly uplinkBps: number },
  photos: number,
): Promise<RigWorld> {
  const { model, costs } = subject;
  const last = model.metadata.exits.at(-1)!.id;
  const plans = {
    edge: allEdge(model, last),
    pixels: imagePlan(costs, last, "raw") ?? allCloud(model, last),
    file: imagePlan(costs, last, "plain") ?? allCloud(model, last),
  };
  const ways = ["edge", "pixels", "file"] as const;
  const told = { edge: [] as LiveAnswer[], pixels: [] as LiveAnswer[], file: [] as LiveAnswer[] };
  for (let round = -WARM_UPS; round < ROUNDS; round++) {
    for (const way of ways) {
      await sleep(REST_MS);
      const answer = await page.answer(Math.max(0, round) % photos, plans[way]);
      if (round >= 0) told[way].push(answer);
    }
  }
  const demands = (way: (typeof ways)[number]) => demandsOf(costs, plans[way], TRANSPORT);
  const edge = told.edge.map(({ stages }) => (stages.headMs! + stages.encodeMs!) / demands("edge").restMs);
  const edgeScale = medianOf(edge);
  const cloud = (["pixels", "file"] as const).flatMap((way) =>
    told[way].map(({ stages }) => stages.cloudMs! / demands(way).remote!.cloudMs),
  );
  const encodeMs = medianOf(told.file.map(({ stages }) => stages.encodeMs!));
  const uplinkMs = (8000 * demands("file").remote!.bytes) / link.uplinkBps;
  return {
    edgeScale,
    edgeNoise: scatterOf(edge),
    encodeScale: isImageFile(costsOf(costs, plans.file)!)
      ? encodeMs / (edgeScale * demands("file").restMs)
      : 1,
    cloudScale: medianOf(cloud),
    cloudNoise: scatterOf(cloud),
    imageMs: medianOf(ways.flatMap((way) => told[way].map(({ stages }) => stages.imageMs!))),
    overheadMs: Math.max(
      0,
      medianOf(
        told.file.map(
          ({ stages }) =>
            stages.rttMs! + stages.uplinkMs! + stages.otherMs! + stages.downlinkMs! - link.rttMs - uplinkMs,
        ),
      ),
    ),
  };
}

/** What the rig's world goes by: the stored profiles, but for the browser's encoder. */
export function truthOfRig({ encodeScale }: RigWorld, costs: readonly ExitCosts[]): readonly ExitCosts[] {
  return costs.map((own) => {
    if (!isImageFile(own)) return own;
    return { ...own, edgeCutMs: own.edgeCutMs.map((ms, node) => (node === 0 ? encodeScale * ms : ms)) };
  });
}

/** The rig's link, page and service as the simulator has them: the proxy knows no radio, no loss and no slow start. */
export function worldOfRig(rig: RigWorld, link: LiveLink): WorldSettings {
  return {
    link: {
      uplink: link.uplink,
      downlink: link.downlink,
      rtt: { kind: "constant", rttMs: link.rttMs + rig.overheadMs },
      jitter: 0.02,
      wake: null,
      drx: null,
      slowStart: false,
      // What the proxy has taken in goes on, whoever gives up.
      bufferBytes: 256 << 10,
    },
    edge: {
      slowdown: rig.edgeScale,
      noise: rig.edgeNoise,
      throttling: null,
      otherShare: 0,
      imageMs: rig.imageMs,
      // What makes its engine slow is a pause.
      blocks: false,
    },
    cloud: {
      scale: rig.cloudScale,
      noise: rig.cloudNoise,
      workers: 1,
      batching: null,
      others: { utilisation: 0, arrivalCv: 1, jobMs: 1, bursts: [] },
      coldStartMs: 0,
      maxQueueMs: 2000,
    },
    photoBytesSd: 0.25,
  };
}

/** The image goes up, as plans of a wire mode have it. */
function imagePlan(costs: readonly ExitCosts[], exit: string, mode: Wire["mode"]): Plan | null {
  const own = costs.find((one) => one.exit === exit && one.wire?.mode === mode);
  if (own?.wire === undefined || own.wire === null) return null;
  const image = own.dag.names[0]!;
  const plan = { exit, head: [image], codecs: { [image]: own.wire.codecs[0]! } };
  headMembers(own, plan.head);
  return plan;
}

function isImageFile({ wire }: ExitCosts): boolean {
  return isImageCodec(wire?.codecs[0]?.codec ?? "float32");
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

function scatterOf(values: readonly number[]): number {
  const logs = values.map(Math.log);
  const mean = logs.reduce((sum, one) => sum + one, 0) / logs.length;
  return Math.sqrt(logs.reduce((sum, one) => sum + (one - mean) ** 2, 0) / logs.length);
}
