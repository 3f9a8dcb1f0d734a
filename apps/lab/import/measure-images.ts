import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import type { ModelInput } from "#shared/model";
import type { Ranges } from "../export/artifact.ts";
import { tensorRanges } from "../export/tensor-ranges.ts";
import type { ExportGraph } from "../export/walk.ts";
import type { SeenScores } from "./ask-output.ts";
import type { ForeignGraph } from "./graph.ts";
import { type Images, imageBatch } from "./images.ts";
import { openGraph } from "./run-graph.ts";

/** All tensors of so many images are held at once. */
const BATCH = 4;

/** The least and the greatest value of every tensor over some images. */
export function measureRanges(
  graph: ForeignGraph,
  exported: ExportGraph,
  images: Images,
  input: ModelInput,
  onProgress: (what: string) => void,
): Ranges {
  const running = openGraph(graph);
  const ranges = new Map<string, [number, number]>();
  for (let start = 0; start < images.count; start += BATCH) {
    onProgress(`measuring ranges on ${images.kind}: ${start}`);
    const batch = imageBatch(images, input, start, Math.min(BATCH, images.count - start));
    for (const [name, [low, high]] of tensorRanges(running, exported, [batch])) {
      const [least, most] = ranges.get(name) ?? [low, high];
      ranges.set(name, [Math.min(least, low), Math.max(most, high)]);
    }
  }
  running.dispose();
  return ranges;
}

/** What the exits' nodes give for images, one by one, by node. */
export function seenScores(
  graph: ForeignGraph,
  images: Images,
  input: ModelInput,
): ReadonlyMap<string, readonly SeenScores[]> {
  const nodes = [...new Set(graph.exits.map(({ node }) => node))];
  const seen = new Map(nodes.map((node): [string, SeenScores[]] => [node, []]));
  const running = openGraph(graph);
  for (let at = 0; at < images.count; at++) {
    const batch = imageBatch(images, input, at, 1);
    const outputs = nodes.map((name) => `${name}:0`);
    const given = [running.execute({ [`${input.node}:0`]: batch }, outputs)].flat() as Tensor[];
    for (const [exit, node] of nodes.entries()) {
      const row = given[exit]!.dataSync().slice() as Float32Array;
      seen.get(node)!.push({ image: images.nameOf(at), row });
    }
    dispose([batch, ...given]);
  }
  running.dispose();
  return seen;
}
