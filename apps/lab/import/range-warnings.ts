import { dispose } from "@tensorflow/tfjs-core";
import { type Exit, hasClasses, readScores } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import { textsOf } from "./attributes.ts";
import type { ForeignGraph } from "./graph.ts";
import { type Images, imageBatch } from "./images.ts";
import { fits, ownScaling } from "./own-scaling.ts";

type Range = readonly [number, number];

/** What models are made for, mostly. */
const USUAL: readonly Range[] = [
  [0, 1],
  [-1, 1],
  [0, 255],
];
const PHOTOS = 24;

/** What may be wrong with the range of the images, of which a model itself says nothing. */
export interface RangeJob {
  /** As it came, before anything was folded. */
  readonly graph: ForeignGraph;
  /** The model as it was written. */
  readonly written: SegmentModel;
  readonly photos: Images;
}

/**
 * Whether another range than the given one would make more of the model: by the scaling that it does itself, by how
 * many of the photos it names as their folders do, by activations at their limit, by answers that are all the same.
 *
 * @returns a sentence for each thing that speaks against the range; none where nothing does
 */
export function rangeWarnings({ graph, written, photos }: RangeJob): readonly string[] {
  const { input } = written.model.metadata;
  const given = input.range;
  const others = USUAL.filter((range) => `${range}` !== `${given}`);
  const scaling = ownScaling(graph);
  const made = scaling === null || fits(scaling, given) ? [] : others.filter((range) => fits(scaling, range));
  const warnings = made
    .map((range) => `the model scales its images itself, as for --range ${range}`)
    .slice(0, 1);
  if (photos.folders.length === 0) return warnings;
  const some = photos.some(PHOTOS);
  const look = (range: Range): Look => lookAt(written, graph, some.inRange(range));
  const now = look(given);
  const seen = others.map((range) => ({ range, ...look(range) }));
  const best = <K extends "right" | "spread" | "saturated">(key: K, sign: 1 | -1) =>
    seen.reduce((a, b) => (sign * ((b[key] ?? -1) - (a[key] ?? -1)) > 0 ? b : a));
  const { right, spread, saturated } = now;
  const righter = best("right", 1);
  if (right !== null && righter.right !== null && righter.right >= right + MUCH_RIGHTER) {
    const counts = `${percent(right)} of ${some.count} photos as their folders`;
    warnings.push(
      `with --range ${given} it names ${counts}, with --range ${righter.range} ${percent(righter.right)}`,
    );
  }
  const calmer = best("saturated", -1);
  if (saturated > MUCH_SATURATED && calmer.saturated < saturated / 2) {
    const shares = `${percent(saturated)} of its limited activations are at their limit`;
    warnings.push(
      `with --range ${given} ${shares}, with --range ${calmer.range} ${percent(calmer.saturated)}`,
    );
  }
  const livelier = best("spread", 1);
  if (spread < HARDLY && livelier.spread > 10 * Math.max(spread, HARDLY / 10)) {
    const little = `its scores hardly depend on the photo (they differ by ${spread.toPrecision(2)})`;
    warnings.push(
      `with --range ${given} ${little}, with --range ${livelier.range} by ${livelier.spread.toPrecision(2)}`,
    );
  }
  return warnings;
}

const MUCH_RIGHTER = 0.15;
const MUCH_SATURATED = 0.25;
/** Relative to the scores. */
const HARDLY = 0.01;

/** How a model behaves on photos in some range. */
interface Look {
  /** Share of the photos that the last exit names as their folders do; null where no folder is called as a label is. */
  readonly right: number | null;
  /** The most that a score differs between photos, relative to the largest one. */
  readonly spread: number;
  /** Of the values of activations that have an upper limit (Relu6, sigmoid, tanh) the share at it. */
  readonly saturated: number;
}

function lookAt(written: SegmentModel, graph: ForeignGraph, photos: Images): Look {
  const { metadata, nodes, dag } = written.model;
  const exit = metadata.exits.at(-1) as Exit;
  const ends = new Set(graph.exits.map(({ node }) => node));
  const limited = graph.nodes.flatMap(({ name, op, attr }): Limited[] => {
    const limit = LIMITS[textsOf(attr, "fused_ops").at(-1) ?? op];
    return limit === undefined || ends.has(name) || !dag.names.includes(name) ? [] : [{ name, limit }];
  });
  const whole = { nodes: nodes.map(({ name }) => name), feeds: [metadata.input.node], outputs: [exit.node] };
  const rows: Float32Array[] = [];
  for (let at = 0; at < photos.count; at++) {
    const image = imageBatch(photos, metadata.input, at, 1);
    const scores = written.run(whole, [image]);
    rows.push(scores[0]!.dataSync().slice() as Float32Array);
    dispose([image, ...scores]);
  }
  return {
    right: rightShare(metadata.labels, exit, rows, photos.folders),
    spread: spreadOf(rows),
    saturated: limitShare(written, limited, photos.some(FEW)),
  };
}

/** Photos that show whether activations are at their limit. */
const FEW = 3;

function limitShare(written: SegmentModel, limited: readonly Limited[], photos: Images): number {
  const { metadata, nodes } = written.model;
  const outputs = limited.map(({ name }) => name);
  const inside = { nodes: nodes.map(({ name }) => name), feeds: [metadata.input.node], outputs };
  let [values, atLimit] = [0, 0];
  for (let at = 0; at < photos.count && limited.length > 0; at++) {
    const image = imageBatch(photos, metadata.input, at, 1);
    const activations = written.run(inside, [image]);
    for (const [one, tensor] of activations.entries()) {
      const data = tensor.dataSync();
      values += data.length;
      for (const value of data) if (value >= limited[one]!.limit) atLimit++;
    }
    dispose([image, ...activations]);
  }
  return values === 0 ? 0 : atLimit / values;
}

/** A node whose values have an upper limit. */
interface Limited {
  readonly name: string;
  readonly limit: number;
}

/** By operation: from where its values count as being at their upper limit. */
const LIMITS: Readonly<Record<string, number>> = { Relu6: 5.999, Sigmoid: 0.999, Tanh: 0.999 };

function rightShare(
  labels: readonly string[],
  exit: Exit,
  rows: readonly Float32Array[],
  folders: readonly string[],
): number | null {
  const namesOf = (label: string): readonly string[] =>
    label.split(",").map((name) => name.trim().toLowerCase());
  const known = new Set(labels.flatMap(namesOf));
  const told = folders.map((folder) => folder.toLowerCase());
  if (!hasClasses(exit) || new Set(told.filter((folder) => known.has(folder))).size < 2) return null;
  const right = rows.filter((row, at) =>
    namesOf(readScores(labels, exit, row).label).includes(told[at] as string),
  );
  return right.length / rows.length;
}

function spreadOf(rows: readonly Float32Array[]): number {
  const [first = new Float32Array(0)] = rows;
  let [most, largest] = [0, Number.MIN_VALUE];
  for (const row of rows) {
    for (const [at, value] of row.entries()) {
      most = Math.max(most, Math.abs(value - (first[at] as number)));
      largest = Math.max(largest, Math.abs(value));
    }
  }
  return most / largest;
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
