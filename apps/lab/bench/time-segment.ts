import { elementCount, type Model, type Segment } from "#shared/model";
import { randomFrom } from "#shared/random";
import type { TensorValues } from "#shared/runtime";
import type { LoadedModel } from "../../engines/index.ts";

/** Of the fastest round: what nothing disturbed. */
export interface SegmentTime {
  readonly msPerImage: number;
  readonly cpuMsPerImage: number;
}

const ROUNDS = 7;
const ROUND_MS = 300;

/** Times a segment as the engine will go on running it: what it opens in the background is waited for. */
export async function timeSegment(
  loaded: LoadedModel,
  model: Model,
  segment: Segment,
  batch: number,
): Promise<SegmentTime> {
  const feeds = segment.feeds.map((name) => someValues(model, name, batch));
  await loaded.runValues(segment, feeds);
  await loaded.opened?.();
  const startMs = performance.now();
  await loaded.runValues(segment, feeds);
  const runs = Math.max(2, Math.ceil(ROUND_MS / (performance.now() - startMs)));
  let least: SegmentTime = { msPerImage: Number.POSITIVE_INFINITY, cpuMsPerImage: Number.POSITIVE_INFINITY };
  for (let round = 0; round < ROUNDS; round++) {
    const cpu = process.cpuUsage();
    const beganMs = performance.now();
    for (let run = 0; run < runs; run++) await loaded.runValues(segment, feeds);
    const { user, system } = process.cpuUsage(cpu);
    const images = runs * batch;
    least = {
      msPerImage: Math.min(least.msPerImage, (performance.now() - beganMs) / images),
      cpuMsPerImage: Math.min(least.cpuMsPerImage, (user + system) / 1000 / images),
    };
  }
  return least;
}

/** Within the tensor's range, the same each time. */
function someValues(model: Model, name: string, batch: number): TensorValues {
  const { shape, range } = model.metadata.tensors[name]!;
  const random = randomFrom(1);
  const length = batch * elementCount(shape);
  const [low, high] = range;
  return {
    shape: [batch, ...shape],
    values: Float32Array.from({ length }, () => low + (high - low) * random()),
  };
}
