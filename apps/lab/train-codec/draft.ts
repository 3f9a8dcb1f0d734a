import { readFile } from "node:fs/promises";
import path from "node:path";
import { dispose, max, min, stack, tidy } from "@tensorflow/tfjs-core";
import { readModel, type TensorInfo } from "#shared/model";
import { SegmentModel } from "#shared/runtime";
import type { Photos } from "../data/photos.ts";
import type { CodecWay } from "../evaluate/codec-way.ts";
import { inputBatches } from "../evaluate/exit-scores.ts";
import type { Ranges } from "../export/artifact.ts";
import { readShard } from "../files/model-folder.ts";
import { type CodecNetsPart, type ModelJson, withNets } from "../fit-codec/store-codec.ts";
import type { Span } from "./cut.ts";
import type { StoredNets } from "./net-nodes.ts";

const BATCH = 25;

/** The nets' segments. */
export function wayOf({ tensor, replaces }: Span, { nodes }: StoredNets): CodecWay {
  const named = (part: string): readonly string[] =>
    nodes.map(({ name }) => name).filter((name) => name.startsWith(`${tensor}/${part}/`));
  const [encoder, decoder] = [named("encoder"), named("decoder")];
  const latent = encoder.at(-1)!;
  return {
    replaces,
    encoder: { nodes: encoder, feeds: [tensor], outputs: [latent] },
    decoder: { nodes: decoder, feeds: [latent], outputs: [decoder.at(-1)!] },
  };
}

/** A model with a learned codec's nets beside it, that is not stored yet. */
export interface Draft {
  /** The caller's to dispose. */
  readonly segments: SegmentModel;
  readonly nets: CodecNetsPart;
}

/** @param photos that the values of the nets' tensors are ranged by */
export async function openDraft(
  folder: string,
  span: Span,
  nets: StoredNets,
  photos: Photos,
): Promise<Draft> {
  const json: ModelJson = JSON.parse(await readFile(path.join(folder, "model.json"), "utf8"));
  const partWith = (rangeOf: (name: string) => readonly [number, number]): CodecNetsPart => {
    const tensors = nets.nodes.map(({ name, shape }): [string, TensorInfo] => {
      return [name, { shape, dtype: "float32", range: rangeOf(name) }];
    });
    return { ...nets, tensors: Object.fromEntries(tensors) };
  };
  const open = (part: CodecNetsPart): Promise<SegmentModel> =>
    openJson(folder, withNets(json, span.tensor, part), nets);
  const unmeasured = await open(partWith(() => [-1, 1]));
  const ranges = rangesOf(unmeasured, nets, photos);
  unmeasured.dispose();
  const part = partWith((name) => ranges.get(name)!);
  return { segments: await open(part), nets: part };
}

async function openJson(folder: string, json: ModelJson, { shards }: StoredNets): Promise<SegmentModel> {
  const segments = new SegmentModel(readModel(new TextEncoder().encode(JSON.stringify(json))));
  for (const shard of segments.model.shards) {
    const own = shards.find((one) => one.path === shard.path);
    segments.addShard(shard, own?.bytes ?? (await readShard(folder, shard)));
  }
  return segments;
}

/** Smallest and largest value of each of the nets' tensors. */
function rangesOf(segments: SegmentModel, { nodes }: StoredNets, photos: Photos): Ranges {
  const { input } = segments.model.metadata;
  const names = nodes.map(({ name }) => name);
  const segment = { nodes: names, feeds: [input.node], outputs: names };
  const ranges = new Map<string, readonly [number, number]>();
  for (const images of inputBatches(photos, input, BATCH)) {
    const bounds = tidy(() => stack(segments.run(segment, [images]).flatMap((one) => [min(one), max(one)])));
    const values = bounds.dataSync();
    dispose([bounds, images]);
    for (const [at, name] of names.entries()) {
      const [low, high] = ranges.get(name) ?? [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      // A tensor that never changed still needs a range with some width.
      const [least, most] = [Math.min(low, values[2 * at]!), Math.max(high, values[2 * at + 1]!)];
      ranges.set(name, [least, Math.max(most, least + 1e-6)]);
    }
  }
  return ranges;
}
