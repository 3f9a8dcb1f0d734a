import { readFile } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import type { Model } from "#shared/model";
import {
  layerPlan,
  layerSum,
  measurePlan,
  type Profile,
  type Role,
  sampleJobs,
  timeInRounds,
} from "#shared/profile";
import type { SegmentModel } from "#shared/runtime";
import { stopwatch } from "./measure.ts";

/** Nodes timed alone, and the whole net in the same rounds: what profiles by sums of layers are made of. */
export interface LayerTimes {
  readonly format: 1;
  readonly model: string;
  readonly version: string;
  readonly backend: string;
  /** By role: each node alone, and all of the last exit's together, in milliseconds. */
  readonly roles: Readonly<Record<Role, RoleTimes>>;
}

interface RoleTimes {
  readonly nodeMs: Readonly<Record<string, number>>;
  readonly wholeMs: number;
}

export async function measureLayers(
  segments: SegmentModel,
  backend: string,
  rounds: Parameters<typeof timeInRounds>[1],
): Promise<LayerTimes> {
  const { metadata, version } = segments.model;
  const measured = async (role: Role): Promise<RoleTimes> => {
    const watch = stopwatch(segments, role);
    const alone = sampleJobs(layerPlan(segments.model), watch);
    const whole = sampleJobs([wholeOf(segments.model, role)], watch);
    const timings = await timeInRounds([...alone.jobs, ...whole.jobs], rounds);
    const { nodeMs } = layerSum(alone.result(timings.slice(0, -1)));
    return { nodeMs, wholeMs: whole.result(timings.slice(-1))[0]!.medianMs };
  };
  const [head, tail] = [await measured("head"), await measured("tail")];
  return { format: 1, model: metadata.id, version, backend, roles: { head, tail } };
}

export function layersFile(backend: string): string {
  return `layers-${backend}.json`;
}

/** The layers' times of a model as a backend has them; null where none were measured, or of other nodes. */
export async function readLayers(folder: string, model: Model, backend: string): Promise<LayerTimes | null> {
  const file = path.join(folder, "profiles", layersFile(backend));
  const text = await readFile(file, "utf8").catch(() => null);
  if (text === null) return null;
  const times = JSON.parse(text) as Partial<LayerTimes>;
  if (times.format !== 1)
    throw new EddiError("bad-profile", `${file}: expected format 1, got ${times.format}`);
  const { nodeMs } = (times as LayerTimes).roles.head;
  return model.dag.names.slice(1).every((name) => name in nodeMs) ? (times as LayerTimes) : null;
}

/** A profile as the sum of its layers: as slow as the machine was when the profile was taken, the whole net says. */
export function asLayerSum(profile: Profile, model: Model, { roles }: LayerTimes): Profile {
  const { nodeMs, wholeMs } = roles[profile.role];
  const last = model.metadata.exits.at(-1)!.id;
  const { at } = wholeOf(model, profile.role);
  const own = profile.samples.find(
    (sample) => sample.exit === last && sample.at === at && sample.from === undefined,
  );
  const by = (own?.medianMs ?? wholeMs) / wholeMs;
  const scaled = Object.entries(nodeMs).map(([name, ms]) => [name, by * ms]);
  return { ...profile, fixedMs: 0, nodeMs: Object.fromEntries(scaled) };
}

/** All of the last exit: the longest head, or what follows the image. */
function wholeOf(model: Model, role: Role): ReturnType<typeof measurePlan>[number] {
  const last = model.metadata.exits.at(-1)!.id;
  const own = measurePlan(model, role).filter(({ exit }) => exit === last);
  return own.reduce((a, b) => (b.segment.nodes.length > a.segment.nodes.length ? b : a));
}
