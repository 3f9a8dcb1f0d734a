import type { OpenAPIV3 } from "openapi-types";
import { CODEC_DATATYPES } from "#shared/codecs";

type Schema = OpenAPIV3.SchemaObject | OpenAPIV3.ReferenceObject;

const text: Schema = { type: "string" };
const count: Schema = { type: "integer", minimum: 0 };
const yesNo: Schema = { type: "boolean" };
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const listOf = (items: Schema): Schema => ({ type: "array", items });

/** @param optional names of properties that need not be there */
function record(properties: Record<string, Schema>, ...optional: readonly string[]): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", properties, ...(required.length > 0 ? { required } : {}) };
}

const shape: Schema = listOf({ type: "integer" });
const duration = record({ count, ns: count });
const stages = { compute_input: duration, compute_infer: duration, compute_output: duration };

/** Those of the official document keep its names. */
export const SCHEMAS: Record<string, Schema> = {
  metadata_server_response: record({ name: text, version: text, extensions: listOf(text) }),
  live_server_response: record({ live: yesNo }),
  ready_server_response: record({ ready: yesNo, error: text }, "error"),
  ready_model_response: record({ name: text, ready: yesNo, error: text }, "error"),
  metadata_model_response: record({
    name: text,
    versions: listOf(text),
    platform: text,
    inputs: listOf(ref("metadata_tensor")),
    outputs: listOf(ref("metadata_tensor")),
    parameters: {
      type: "object",
      description:
        "Version as a number, engine, device, exits, bytes of the weights, and what classes it knows: how many, and the first.",
    },
  }),
  metadata_tensor: record({ name: text, datatype: text, shape }),
  model_configuration_response: {
    type: "object",
    description: "ModelConfig of Triton's model_config.proto: what is true of this service in it.",
  },
  stats_model_response: record({ model_stats: listOf(ref("model_stat")) }),
  model_stat: record({
    name: text,
    version: text,
    last_inference: { type: "integer", description: "Milliseconds since 1970." },
    inference_count: count,
    execution_count: count,
    inference_stats: record({
      success: duration,
      fail: duration,
      queue: duration,
      ...stages,
      cache_hit: duration,
      cache_miss: duration,
    }),
    batch_stats: listOf(record({ batch_size: count, ...stages })),
  }),
  repository_index_request: record({ ready: yesNo }, "ready"),
  repository_control_request: record({ parameters: ref("parameters") }, "parameters"),
  repository_control_response: { type: "object" },
  repository_index_response: listOf(record({ name: text, version: text, state: text, reason: text })),
  probe_response: record({ received: count }),
  inference_request: record(
    {
      id: text,
      parameters: ref("request_parameters"),
      inputs: listOf(ref("request_input")),
      outputs: listOf(ref("request_output")),
    },
    "id",
    "parameters",
    "outputs",
  ),
  parameters: { type: "object", additionalProperties: { oneOf: [text, { type: "number" }, yesNo] } },
  request_parameters: {
    type: "object",
    description:
      "Also q.TENSOR.scale, q.TENSOR.offset and q.TENSOR.bits, how a UINT8 tensor is quantised, and image.TENSOR, the " +
      "media type of images in BYTES. Others are taken and mean nothing.",
    properties: {
      exit: { type: "string", description: "The exit that answers; the last one without." },
      timeout: {
        type: "number",
        description: "Microseconds of the latency budget that are left; 0 is no limit.",
      },
      asked_exits: {
        type: "string",
        description:
          "What early exits said that the client has asked about its one image, as exit:class:confidence with commas " +
          "between. The answer is a label for them, counted in eddi_edge_exits_total.",
      },
      binary_data_output: { type: "boolean", description: "Whether outputs come in binary." },
    },
    additionalProperties: { oneOf: [text, { type: "number" }, yesNo] },
  },
  request_input: record(
    {
      name: text,
      shape,
      datatype: { type: "string", enum: [...CODEC_DATATYPES, "BYTES"] },
      parameters: {
        type: "object",
        properties: { binary_data_size: count },
        additionalProperties: { oneOf: [text, { type: "number" }, yesNo] },
      },
      data: ref("tensor_data"),
    },
    "parameters",
    "data",
  ),
  request_output: record(
    {
      name: text,
      parameters: {
        type: "object",
        properties: {
          binary_data: { type: "boolean", description: "Overrides binary_data_output." },
          classification: { type: "integer", description: "The best so many classes instead of scores." },
        },
      },
    },
    "parameters",
  ),
  tensor_data: {
    type: "array",
    items: { anyOf: [ref("tensor_data"), { type: "number" }, text, yesNo] },
  },
  inference_response: record(
    {
      model_name: text,
      model_version: text,
      id: text,
      parameters: ref("parameters"),
      outputs: listOf(ref("response_output")),
    },
    "id",
  ),
  response_output: record(
    { name: text, shape, datatype: text, parameters: ref("parameters"), data: ref("tensor_data") },
    "parameters",
    "data",
  ),
  inference_error_response: record({ error: text }),
};
