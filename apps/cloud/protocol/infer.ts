import { EddiError } from "#shared/errors";
import { exitById, type Model, type Segment, tailOf } from "#shared/model";
import type { InferRequest, WireTensor } from "#shared/protocol";

/** What a request asks for, checked against the model; the values of its tensors are checked by `decodeTensor`. */
export interface TailWork {
  readonly segment: Segment;
  /** In the order of `segment.feeds`. */
  readonly tensors: readonly WireTensor[];
  /** In the order asked for. */
  readonly exits: readonly { readonly id: string; readonly node: string; readonly binary: boolean }[];
  /** What is left of the latency budget, milliseconds. */
  readonly timeoutMs: number;
  /** Whether these exits come before the one that was asked for. */
  readonly isEarlier: boolean;
}

/**
 * Finds the tail that a request means: whatever lies between the tensors that it brings and the exits that
 * it asks for; without a word on exits, the last one.
 *
 * @throws EddiError `bad-tensor` when the tensors are no cut, or their batch differs or exceeds `maxBatch`;
 *   `not-found` for an unknown exit; `bad-argument` for a bad `timeout`
 */
export function readInfer(model: Model, request: InferRequest, maxBatch: number): TailWork {
  const { metadata } = model;
  const { exit = metadata.exits.at(-1)!.id } = request.parameters;
  const { id } = exitById(metadata, String(exit));
  const asked = request.outputs.length > 0 ? request.outputs : [{ name: id, binary: request.binaryOutputs }];
  const exits = asked.map(({ name, binary }) => ({ ...exitById(metadata, name), binary }));
  const names = request.inputs.map((tensor) => tensor.name);
  const segment = tailTo(
    model,
    names,
    exits.map((exit) => exit.id),
  );
  const tensors = segment.feeds.map((name) => request.inputs.find((tensor) => tensor.name === name)!);
  checkBatch(tensors, maxBatch);
  const timeoutMs = readTimeoutMs(request.parameters.timeout);
  return { segment, tensors, exits, timeoutMs, isEarlier: false };
}

/**
 * The tail from a cut to one exit or several.
 *
 * @throws EddiError as `tailOf`: the tensors must be the cut of each exit
 */
export function tailTo(model: Model, cut: readonly string[], exitIds: readonly string[]): Segment {
  const tails = exitIds.map((id) => tailOf(model, cut, id));
  const members = new Set(tails.flatMap((tail) => tail.nodes));
  return {
    nodes: model.dag.names.filter((name) => members.has(name)),
    feeds: tails[0]!.feeds,
    outputs: [...new Set(tails.flatMap((tail) => tail.outputs))],
  };
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
