import { GraphModel } from "@tensorflow/tfjs-converter";
import { dispose, type io, type Tensor, type Tensor4D, tensor } from "@tensorflow/tfjs-core";
import { EddiError, toEddiError } from "#shared/errors";
import { nodeDefs } from "../graph-model/node-def.ts";
import { type ForeignGraph, titleOf } from "./graph.ts";

/** Runs a graph on the active TF.js backend. */
export interface RunningGraph {
  /** By TF.js' rules: feeds and outputs by `name:0`; results are the caller's to dispose. */
  readonly execute: GraphModel["execute"];
  dispose(): void;
}

/** What a node gave. */
export interface NodeValue {
  readonly dtype: string;
  /** With the batch axis, where it has one. */
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array | Uint8Array;
}

/** @throws EddiError `bad-model` when TF.js does not take the graph */
export function openGraph(graph: ForeignGraph): RunningGraph {
  const constants = [...graph.constants.values()];
  const topology = {
    node: [
      ...constants.flatMap((constant) => nodeDefs({ ...HOLDER, constants: [constant] }).slice(0, 1)),
      ...graph.nodes.map(({ name, op, inputs, attr }) => ({ name, op, input: inputs, attr })),
    ],
    versions: { producer: 0 },
  };
  try {
    const model = new GraphModel<io.IOHandlerSync>({
      load: () => ({
        format: "graph-model",
        modelTopology: topology,
        weightSpecs: [],
        weightData: new ArrayBuffer(0),
      }),
    });
    model.load();
    for (const { name, values, shape, dtype } of constants) {
      model.weights[name] = [tensor(values, [...shape], dtype)];
    }
    return {
      execute: (inputs, outputs) => model.execute(inputs, outputs),
      dispose: () => model.dispose(),
    };
  } catch (thrown) {
    throw toEddiError(thrown, "bad-model");
  }
}

const HOLDER = { name: "", op: "", inputs: [], attr: {}, shape: [] };

/**
 * Runs all nodes of a graph.
 *
 * @param images float32 [batch, height, width, channels]; stays the caller's
 * @throws EddiError `bad-model` naming the first node that TF.js cannot run
 */
export function runAll(graph: ForeignGraph, images: Tensor4D): ReadonlyMap<string, NodeValue> {
  const [input, ...others] = graph.nodes.map(({ name }) => name);
  const running = openGraph(graph);
  const run = (names: readonly string[]): NodeValue[] => {
    if (names.length === 0) return [];
    // Values must not come out of TF.js' tidy: it would look for tensors among them, one by one.
    const outputs = names.map((name) => `${name}:0`);
    const results = [running.execute({ [`${input}:0`]: images }, outputs)].flat() as Tensor[];
    const values = results.map((one) => ({
      dtype: one.dtype,
      shape: one.shape,
      values: one.dataSync().slice() as NodeValue["values"],
    }));
    dispose(results);
    return values;
  };
  try {
    const values = run(others);
    const image = { dtype: images.dtype, shape: images.shape, values: images.dataSync() as Float32Array };
    return new Map([[input as string, image], ...others.map((name, at) => [name, values[at]!] as const)]);
  } catch (thrown) {
    throw namedFailure(graph, (name) => run([name]), thrown);
  } finally {
    running.dispose();
  }
}

/** Which node it is that cannot be run: found by running up to each. */
function namedFailure(graph: ForeignGraph, run: (name: string) => unknown, thrown: unknown): EddiError {
  for (const node of graph.nodes.slice(1)) {
    try {
      run(node.name);
    } catch (cause) {
      const message = `${titleOf(node)}: TF.js cannot run it: ${toEddiError(cause).message.split("\n")[0]}`;
      return new EddiError("bad-model", message, { cause });
    }
  }
  return toEddiError(thrown, "bad-model");
}
