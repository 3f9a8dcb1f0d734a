import { freemem } from "node:os";
import { elementCount, type Model, type Precision, type Segment } from "#shared/model";
import type { Stopwatch } from "#shared/profile";
import { imageSample } from "#shared/protocol";
import type { TensorValues } from "#shared/runtime";
import { type EngineBackend, enginesOf, type LoadedModel, openFirst } from "../../engines/index.ts";
import { openModelFolder, readShard } from "../files/model-folder.ts";
import { codingWatch } from "./measure.ts";

/** Of the free memory: all tails take turns, and to open a session again takes far longer than to time it. */
const SESSION_SHARE = 0.25;

/** A model whose tails can be timed on an engine that is no backend of TF.js. */
export interface EngineTails {
  readonly model: Model;
  readonly deviceName: string;
  readonly watch: Stopwatch;
}

/**
 * Opens a model on an engine as the service does.
 *
 * @param tell of tails that it runs otherwise than asked: the service does the same, so they are timed so
 * @throws EddiError `unavailable` where no engine of the backend loads
 */
export async function openTails(
  folder: string,
  { backend, precision }: { readonly backend: EngineBackend; readonly precision: Precision },
  tell: (message: string) => void,
): Promise<EngineTails> {
  const sessionBytes = SESSION_SHARE * freemem();
  const { load, deviceName } = await openFirst(enginesOf(backend), true, precision, { sessionBytes });
  const heads = await openModelFolder(folder);
  const { model } = heads;
  const loaded = load(model, tell);
  for (const shard of model.shards) loaded.addShard(shard, await readShard(folder, shard));
  const watch = tailWatch(loaded, (segment) => heads.runValues(headTo(model, segment), [imageOf(model)]));
  return { model, deviceName, watch };
}

/**
 * From values that are fed to values that were read back: what is done to them between is the engine's own. Of one
 * thread that waits for nothing processor time is what a tail takes on a machine that has nothing else to do.
 */
function tailWatch(
  loaded: LoadedModel,
  feedsOf: (tail: Segment) => Promise<readonly TensorValues[]>,
): Stopwatch {
  const known = new Map<string, Promise<readonly TensorValues[]>>();
  const whole: Stopwatch["whole"] = async (tail, runs) => {
    const key = tail.feeds.join();
    if (!known.has(key)) known.set(key, feedsOf(tail));
    const feeds = await known.get(key)!;
    await loaded.runValues(tail, feeds);
    // Where there are many sessions this one was closed since it was timed last.
    await loaded.opened?.();
    await loaded.runValues(tail, feeds);
    const before = process.cpuUsage();
    for (let run = 0; run < runs; run++) await loaded.runValues(tail, feeds);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / runs;
  };
  return { whole, inside: whole, move: async () => 0, ...codingWatch("tail") };
}

/** All of the model, to the tensors that a tail or a decoder takes: of noise int8 makes what TF.js does not. */
function headTo({ metadata, dag, detours }: Model, { feeds }: Segment): Segment {
  const encoder = [...detours.values()].find((detour) => feeds.includes(detour.decoder.feeds[0]!))?.encoder;
  const nodes = [...dag.names.slice(1), ...(encoder?.nodes ?? [])];
  return { nodes, feeds: [metadata.input.node], outputs: feeds };
}

function imageOf({ metadata }: Model): TensorValues {
  const { shape, range } = metadata.tensors[metadata.input.node]!;
  const [low, high] = range;
  const [height, width, channels] = shape as [number, number, number];
  const pixels = imageSample(Math.max(height, width), channels).subarray(0, elementCount(shape));
  const values = Float32Array.from(pixels, (pixel) => low + ((high - low) * pixel) / 255);
  return { shape: [1, ...shape], values };
}
