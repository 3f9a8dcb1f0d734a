import type { OpenAPIV3 } from "openapi-types";
import { HEADER_LENGTH } from "#shared/protocol";
import { SERVER } from "../protocol/server-metadata.ts";
import { answer, failures, header, jsonOf, pathParameters, plain, reads, withError } from "./operations.ts";
import { SCHEMAS } from "./schemas.ts";

/** What the service answers under /v2, and its metrics. */
export function openApi({ metrics }: { readonly metrics: boolean }): OpenAPIV3.Document {
  return {
    openapi: "3.0.3",
    info: {
      title: "EDDI cloud service",
      version: SERVER.version,
      description:
        "Open Inference Protocol v2 with Triton's binary data, classification, model configuration and statistics. " +
        "A split tail is an ordinary request: the cut's tensors by name, and the exit as a parameter.",
      license: { name: "Apache 2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    // From where this document is served, `/docs/json`, below whatever prefix a proxy has put before it.
    servers: [{ url: ".." }],
    paths: {
      "/v2": reads("Server metadata", "metadata_server_response", []),
      "/v2/health/live": reads("Server live", "live_server_response", []),
      "/v2/health/ready": {
        get: {
          summary: "Server ready",
          description: "503 while the service starts, and from SIGTERM on, when it still serves.",
          responses: {
            200: answer("All models can be asked", "ready_server_response"),
            503: answer("Send nothing more", "ready_server_response"),
          },
        },
      },
      "/v2/models/stats": reads("Statistics of all models", "stats_model_response", []),
      ...modelPaths("/v2/models/{model}"),
      ...modelPaths("/v2/models/{model}/versions/{version}"),
      "/v2/repository/index": {
        post: {
          summary: "Index of the models",
          responses: { 200: answer("Every model, refused ones too", "repository_index_response") },
        },
      },
      "/v2/probe": {
        post: {
          summary: "Swallow a body",
          description: "For measuring the uplink: Server-Timing tells how long the body took to arrive.",
          requestBody: { content: { "application/octet-stream": { schema: BINARY } } },
          responses: {
            200: { ...answer("Bytes that came", "probe_response"), headers: TIMING },
            ...failures([400, 413, 415]),
          },
        },
      },
      "/v2/stream": {
        get: {
          summary: "WebSocket with the same frames",
          description: "Subprotocol eddi.v1; shared/protocol/stream-envelope.ts describes its messages.",
          responses: { 101: plain("A WebSocket from now on"), ...failures([403, 426]) },
        },
      },
      ...(metrics ? { "/metrics": METRICS } : {}),
    },
    components: { schemas: SCHEMAS, securitySchemes: KEYS },
    // Nothing where the service is open; else a key, in one of two ways. Health needs none.
    security: [{}, { bearer: [] }, { header: [] }],
  };
}

const KEYS: Record<string, OpenAPIV3.SecuritySchemeObject> = {
  bearer: { type: "http", scheme: "bearer" },
  header: { type: "apiKey", in: "header", name: "x-api-key" },
};

const BINARY: OpenAPIV3.SchemaObject = { type: "string", format: "binary" };
const TIMING = { "Server-Timing": header("Milliseconds: receive, queue, compute.") };

const METRICS: OpenAPIV3.PathItemObject = {
  get: { summary: "Metrics", responses: { 200: plain("Prometheus' text format") } },
};

/** @param path with or without a version */
function modelPaths(path: string): OpenAPIV3.PathsObject {
  const parameters = pathParameters(path);
  const read = (summary: string, schema: string) => ({ ...reads(summary, schema, [404, 503]), parameters });
  return {
    [path]: read("Model metadata", "metadata_model_response"),
    [`${path}/ready`]: {
      parameters,
      get: {
        summary: "Model ready",
        responses: {
          200: answer("It can be asked", "ready_model_response"),
          503: answer("It cannot, and why", "ready_model_response"),
          ...failures([404]),
        },
      },
    },
    [`${path}/config`]: read("Model configuration, as Triton's", "model_configuration_response"),
    [`${path}/stats`]: read("Statistics, as Triton's", "stats_model_response"),
    [`${path}/infer`]: { parameters, post: inference() },
  };
}

function inference(): OpenAPIV3.OperationObject {
  return {
    summary: "Inference",
    description:
      "Runs what lies between the tensors that come and the exits that are asked for; without a word on exits, the " +
      "last one. Binary tensors follow the JSON part, whose bytes the header tells; with the header 0 the whole body " +
      "is the FP32 values of the model's only input.",
    parameters: [
      {
        name: HEADER_LENGTH,
        in: "header",
        description: "Bytes of the JSON part before compression; without it all of the body is JSON.",
        schema: { type: "integer", minimum: 0 },
      },
      {
        name: "Content-Encoding",
        in: "header",
        schema: { type: "string", enum: ["identity", "deflate", "gzip"] },
      },
    ],
    requestBody: {
      required: true,
      content: { ...jsonOf("inference_request"), "application/octet-stream": { schema: BINARY } },
    },
    responses: {
      200: {
        description: "The scores of the exits, in JSON or binary as asked for",
        headers: {
          ...TIMING,
          [HEADER_LENGTH]: header("Bytes of the JSON part, when binary data follows it."),
        },
        content: { ...jsonOf("inference_response"), "application/octet-stream": { schema: BINARY } },
      },
      ...failures([400, 404, 413, 415, 500, 504]),
      503: withError("Too many wait, or the service starts or ends: come back after Retry-After"),
    },
  };
}
