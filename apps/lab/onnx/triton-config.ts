import textformat from "protobufjs/ext/textformat.js";
import protobuf from "protobufjs/light.js";

/** A tensor of a served model, without the batch axis. */
export interface TritonTensor {
  readonly name: string;
  readonly datatype: "FP32" | "UINT8";
  readonly dims: readonly number[];
}

export interface TritonModel {
  readonly name: string;
  readonly inputs: readonly TritonTensor[];
  readonly outputs: readonly TritonTensor[];
  readonly maxBatch: number;
  /** Whether Triton is to compile it with TensorRT where there is a GPU. */
  readonly tensorrt: boolean;
}

/**
 * The part of Triton's `model_config.proto` that we write. As text only names count: the numbers are not Triton's.
 * https://github.com/triton-inference-server/common/blob/main/protobuf/model_config.proto
 */
const CONFIG = protobuf.Root.fromJSON({
  nested: {
    DataType: { values: { TYPE_INVALID: 0, TYPE_UINT8: 2, TYPE_FP32: 11 } },
    Port: fields({ name: "string", data_type: "DataType", dims: "repeated int64" }),
    DynamicBatching: fields({ preferred_batch_size: "repeated int32" }),
    WarmupInput: fields({ data_type: "DataType", dims: "repeated int64", zero_data: "bool" }),
    WarmupEntry: fields({ key: "string", value: "WarmupInput" }),
    Warmup: fields({ name: "string", batch_size: "uint32", inputs: "repeated WarmupEntry" }),
    Accelerator: fields({ name: "string" }),
    Accelerators: fields({ gpu_execution_accelerator: "repeated Accelerator" }),
    Optimization: fields({ execution_accelerators: "Accelerators" }),
    ModelConfig: fields({
      name: "string",
      backend: "string",
      max_batch_size: "int32",
      input: "repeated Port",
      output: "repeated Port",
      dynamic_batching: "DynamicBatching",
      model_warmup: "repeated Warmup",
      optimization: "Optimization",
    }),
  },
}).lookupType("ModelConfig");

/** @returns what stands in a model's `config.pbtxt` */
export function tritonConfig({ name, inputs, outputs, maxBatch, tensorrt }: TritonModel): string {
  const port = ({ name, datatype, dims }: TritonTensor) => ({ name, data_type: `TYPE_${datatype}`, dims });
  const zeros = inputs.map(({ name: key, datatype, dims }) => ({
    key,
    value: { data_type: `TYPE_${datatype}`, dims, zero_data: true },
  }));
  const message = CONFIG.fromObject({
    name,
    backend: "onnxruntime",
    max_batch_size: maxBatch,
    input: inputs.map(port),
    output: outputs.map(port),
    // Whatever waits runs together; nothing waits for others.
    dynamic_batching: {},
    model_warmup: [1, maxBatch].map((images) => ({
      name: `${images} at once`,
      batch_size: images,
      inputs: zeros,
    })),
    ...(tensorrt
      ? { optimization: { execution_accelerators: { gpu_execution_accelerator: [{ name: "tensorrt" }] } } }
      : {}),
  });
  return textformat.toText(CONFIG, message);
}

/** Messages whose fields are numbered in their order. */
function fields(described: Readonly<Record<string, string>>): protobuf.IType {
  const all = Object.entries(described).map(([name, kind], at) => {
    const type = kind.replace("repeated ", "");
    return [name, { type, id: at + 1, ...(type === kind ? {} : { rule: "repeated" }) }];
  });
  return { fields: Object.fromEntries(all) };
}
