import { EddiError } from "#shared/errors";
import { type Exit, exitById, hasClasses, type Model, outputKind, type Segment, tailOf } from "#shared/model";
import { type InferRequest, type RequestedOutput, splitElements, type WireTensor } from "#shared/protocol";
import type { NamedModel, NamedTail } from "../models/named-model.ts";

/** What a request asks for, checked against the model; the values of its tensors are checked by `decodeTensor`. */
export interface TailWork {
  readonly segment: Segment;
  /** In the order of `segment.feeds`. */
  readonly tensors: readonly WireTensor[];
  /** In the order asked for. */
  readonly exits: readonly AskedExit[];
  /** What is left of the latency budget, milliseconds. */
  readonly timeoutMs: number;
  /** Whether these exits come before the one that was asked for. */
  readonly isEarlier: boolean;
}

/** An exit, its node and how its scores are to come. */
export interface AskedExit extends Omit<RequestedOutput, "name">, Pick<Exit, "id" | "node" | "output"> {}

/**
 * Finds the tail that a request means: whatever lies between the tensors that it brings and the exits that
 * it asks for; without a word on exits, the last one. Under a virtual name both must be those of the name.
 *
 * @throws EddiError `bad-tensor` when the tensors are no cut, their batch differs or exceeds `maxBatch`, or the elements
 *   of BYTES do not fit; `not-found` for an unknown exit; `bad-argument` for a bad `timeout`, an exit asked for twice, or
 *   classification of one that has no classes
 */
export function readInfer(named: NamedModel, request: InferRequest, maxBatch: number): TailWork {
  const { model, tail } = named;
  const { metadata } = model;
  const { exit = (tail?.exit ?? metadata.exits.at(-1)!).id } = request.parameters;
  const { id } = exitById(metadata, String(exit));
  const asked = request.outputs.length > 0 ? request.outputs : [{ name: id, binary: request.binaryOutputs }];
  const exits = asked.map(({ name, ...how }) => ({ ...exitById(metadata, name), ...how }));
  checkOnce(exits);
  const names = request.inputs.map((tensor) => tensor.name);
  for (const exit of exits) {
    if (exit.classes === undefined || hasClasses(exit) || outputKind(exit) === "sigmoid") continue;
    const came = `classification of ${exit.id}, whose output is ${outputKind(exit)}`;
    throw new EddiError(
      "bad-argument",
      `${named.name}: expected an output of classes or labels, got ${came}`,
    );
  }
  if (tail !== null) checkTail(named.name, tail, names, [id, ...exits.map((exit) => exit.id)]);
  const feeds = request.inputs.map((tensor) => feedOf(model, tensor));
  const segment = tailTo(
    model,
    feeds,
    exits.map((exit) => exit.id),
  );
  const tensors = segment.feeds.map((name) => request.inputs[feeds.indexOf(name)]!);
  checkBatch(tensors, maxBatch);
  for (const tensor of tensors) if (tensor.datatype === "BYTES") checkElements(tensor);
  const timeoutMs = readTimeoutMs(request.parameters.timeout);
  return { segment, tensors, exits, timeoutMs, isEarlier: false };
}

/** The tensor that the tail begins with: what a learned codec's stream is decoded to lies behind the tensor that was coded. */
function feedOf({ detours }: Model, { name, datatype }: WireTensor): string {
  return (datatype === "BYTES" ? detours.get(name)?.replaces : undefined) ?? name;
}

/** Of one model; clients may cut it in many places. */
const MAX_TAILS = 512;
/** By model, and by cut and exits. */
const found = new WeakMap<Model, Map<string, Segment>>();

/**
 * The tail from a cut to one exit or several; the same object each time.
 *
 * @throws EddiError as `tailOf`: the tensors must be the cut of each exit
 */
export function tailTo(model: Model, cut: readonly string[], exitIds: readonly string[]): Segment {
  const key = JSON.stringify([cut, exitIds]);
  const known = found.get(model) ?? new Map<string, Segment>();
  found.set(model, known);
  const segment = known.get(key) ?? findTail(model, cut, exitIds);
  if (known.size >= MAX_TAILS && !known.has(key)) known.clear();
  known.set(key, segment);
  return segment;
}

function findTail(model: Model, cut: readonly string[], exitIds: readonly string[]): Segment {
  const tails = exitIds.map((id) => tailOf(model, cut, id));
  const members = new Set(tails.flatMap((tail) => tail.nodes));
  return {
    nodes: model.dag.names.filter((name) => members.has(name)),
    feeds: tails[0]!.feeds,
    outputs: [...new Set(tails.flatMap((tail) => tail.outputs))],
  };
}

function checkTail(name: string, { exit, cut }: NamedTail, came: readonly string[], exits: string[]): void {
  const isCut = came.length === cut.length && cut.every((tensor) => came.includes(tensor));
  if (!isCut) {
    throw new EddiError(
      "bad-tensor",
      `${name}: expected ${cut.join(", ")}, got ${came.join(", ") || "none"}`,
    );
  }
  const other = exits.find((id) => id !== exit.id);
  if (other !== undefined) throw new EddiError("not-found", `${name}: expected ${exit.id}, got ${other}`);
}

/** A model's scores are long where it has many labels: nobody needs them twice. */
function checkOnce(exits: readonly AskedExit[]): void {
  const seen = new Set<string>();
  for (const { id } of exits) {
    if (seen.has(id)) throw new EddiError("bad-argument", `outputs: expected each once, got ${id} twice`);
    seen.add(id);
  }
}

/** There are no more of them than images in a batch, which have been counted. */
function checkElements({ name, shape, data }: WireTensor): void {
  if (shape.length !== 1) {
    throw new EddiError("bad-tensor", `${name}: expected shape [-1] of images, got [${shape}]`);
  }
  splitElements(name, data, shape[0]!);
}

function checkBatch(tensors: readonly WireTensor[], maxBatch: number): void {
  const [first] = tensors;
  for (const { name, shape } of tensors) {
    const [batch = 0] = shape;
    if (batch !== first?.shape[0]) {
      throw new EddiError(
        "bad-tensor",
        `${name}: expected batch ${first?.shape[0]} as ${first?.name} has, got ${batch}`,
      );
    }
    if (batch > maxBatch) {
      throw new EddiError("bad-tensor", `${name}: expected a batch of at most ${maxBatch}, got ${batch}`);
    }
  }
}

/** The protocol's `timeout`: microseconds; none, or 0 as Triton has it, is no limit. */
function readTimeoutMs(value: unknown): number {
  if (value === undefined || value === 0) return Number.POSITIVE_INFINITY;
  if (typeof value === "number" && value > 0) return value / 1000;
  throw new EddiError("bad-argument", `parameter timeout: expected microseconds, got ${value}`);
}
