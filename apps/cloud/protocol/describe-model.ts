import { FITTED_CODECS } from "#shared/codecs";
import { type EngineInfo, type PrecisionChoice, precisionOn } from "../../engines/index.ts";
import type { NamedModel, Port } from "../models/named-model.ts";
import { MAX_VERSIONS } from "../models/registry.ts";
import { versionNumber } from "../models/version-number.ts";

/** What runs the models, as far as they are described by it. */
export interface Serving {
  /** Null until all workers are warm. */
  readonly engine: EngineInfo | null;
  readonly precision: PrecisionChoice;
  /** Tails that run at once. */
  readonly workers: number;
  /** Images in one request. */
  readonly maxBatch: number;
}

/** The Open Inference Protocol's name of a model that is a graph of TensorFlow's operations. */
const PLATFORM = "tensorflow_graphdef";

/** So many of the classes are told: all of a small model's. */
const FIRST_CLASSES = 10;

/** The protocol's model metadata. A virtual name's inputs are the tensors of its cut. */
export function modelMetadata(
  { model, name, inputs, outputs, tail }: NamedModel,
  versions: readonly string[],
  serving: Serving,
): object {
  const describe = ({ name, shape }: Port) => ({ name, datatype: "FP32", shape: [-1, ...shape] });
  const { exits, labels } = model.metadata;
  const { engine, precision } = serving;
  return {
    name,
    versions,
    platform: PLATFORM,
    inputs: inputs.map(describe),
    outputs: outputs.map(describe),
    parameters: {
      version_number: versionNumber(model.version),
      engine: engine?.name ?? null,
      backend: engine?.backend ?? null,
      device: engine?.device ?? null,
      precision: engine === null ? null : precisionOn(engine.name, model, precision),
      // Clients send tensors by these only where they are told of them.
      fitted_codecs: FITTED_CODECS.join(),
      exits: tail === null ? exits : [tail.exit],
      weight_bytes: model.shards.reduce((sum, { bytes }) => sum + bytes, 0),
      classes: labels.length,
      first_classes: labels.slice(0, FIRST_CLASSES),
    },
  };
}

/** Triton's model configuration, the message `ModelConfig` of its model_config.proto: what is true of us in it. */
export function modelConfig({ model, name, inputs, outputs, tail }: NamedModel, serving: Serving): object {
  const { engine, workers, maxBatch } = serving;
  const device = engine?.device ?? "cpu";
  const describe = ({ name, shape }: Port) => ({ name, data_type: "TYPE_FP32", dims: shape });
  const image = model.metadata.input.node;
  return {
    name,
    platform: PLATFORM,
    backend: "tfjs",
    runtime: engine?.name ?? "",
    version_policy: { latest: { num_versions: MAX_VERSIONS } },
    max_batch_size: maxBatch,
    dynamic_batching: {},
    input: inputs.map((port) => ({
      ...describe(port),
      format: port.name === image ? "FORMAT_NHWC" : "FORMAT_NONE",
      is_shape_tensor: false,
      optional: false,
    })),
    output: outputs.map((port) => ({ ...describe(port), label_filename: "", is_shape_tensor: false })),
    instance_group: [{ name: `${name}_0`, kind: `KIND_${device.toUpperCase()}`, count: workers }],
    default_model_filename: "model.json",
    parameters: tail === null ? {} : { exit: { string_value: tail.exit.id } },
    model_transaction_policy: { decoupled: false },
  };
}
