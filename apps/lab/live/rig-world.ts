import { type ExitCosts, headMembers } from "#shared/evaluator";
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
  readonly cloudScale: number;
  readonly cloudNoise: number;
  readonly imageMs: number;
  /** What a request takes beside the link and the service. */
  readonly overheadMs: number;
}

const ROUNDS = 12;
/** A service that has just started is slow. */
const WARM_UPS = 6;

/**
 * Forced plans, all here and all there, on the fast link.
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
  const plans = { edge: allEdge(model, last), cloud: rawPlan(costs, last) ?? allCloud(model, last) };
  const told = { edge: [] as LiveAnswer[], cloud: [] as LiveAnswer[] };
  for (let round = -WARM_UPS; round < ROUNDS; round++) {
    for (const way of ["edge", "cloud"] as const) {
      const answer = await page.answer(Math.max(0, round) % photos, plans[way]);
      if (round >= 0) told[way].push(answer);
    }
  }
  const uplinkMs = (8000 * demandsOf(costs, plans.cloud, TRANSPORT).remote!.bytes) / link.uplinkBps;
  const edgeMs = demandsOf(costs, plans.edge, TRANSPORT).restMs;
  const cloudMs = demandsOf(costs, plans.cloud, TRANSPORT).remote!.cloudMs;
  const edge = told.edge.map(({ stages }) => (stages.headMs! + stages.encodeMs!) / edgeMs);
  const cloud = told.cloud.map(({ stages }) => stages.cloudMs! / cloudMs);
  const both = [...told.edge, ...told.cloud];
  return {
    edgeScale: medianOf(edge),
    edgeNoise: scatterOf(edge),
    cloudScale: medianOf(cloud),
    cloudNoise: scatterOf(cloud),
    imageMs: medianOf(both.map(({ stages }) => stages.imageMs!)),
    overheadMs: Math.max(
      0,
      medianOf(
        told.cloud.map(
          ({ stages }) =>
            stages.rttMs! + stages.uplinkMs! + stages.otherMs! + stages.downlinkMs! - link.rttMs - uplinkMs,
        ),
      ),
    ),
  };
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
      bufferBytes: 0,
    },
    edge: {
      slowdown: rig.edgeScale,
      noise: rig.edgeNoise,
      throttling: null,
      otherShare: 0,
      imageMs: rig.imageMs,
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

/** The image's pixels go up, as plans have it. */
function rawPlan(costs: readonly ExitCosts[], exit: string): Plan | null {
  const own = costs.find((one) => one.exit === exit && one.wire?.mode === "raw");
  if (own?.wire === undefined || own.wire === null) return null;
  const [image] = own.dag.names;
  const { codec, deflate } = own.wire.codecs[0]!;
  const plan = { exit, head: [image!], codecs: { [image!]: { codec, deflate } } };
  headMembers(own, plan.head);
  return plan;
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
