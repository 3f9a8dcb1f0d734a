import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import {
  decodeResponse,
  encodeRequest,
  HEADER_LENGTH,
  type InferRequest,
  type InferResponse,
  type WireTensor,
} from "#shared/protocol";
import { type CloudConfig, readConfig } from "../options/config.ts";
import { builtFile } from "./built.ts";

// For tests only.

export const ALL_MODELS_DIR = fileURLToPath(new URL("../../../models", import.meta.url));

/** A folder with the tiny model alone, so that a service starts fast. */
export const MODELS_DIR = folderOfTiny();

/** A worker that can be told to crash or to hang. */
export const POISONABLE_WORKER = pathToFileURL(builtFile("poisonable-worker-fixture"));

/** A copy: links that leave a folder of models are refused. */
function folderOfTiny(): string {
  const tiny = join(ALL_MODELS_DIR, "tiny");
  const hash = createHash("sha256")
    .update(readFileSync(join(tiny, "model.json")))
    .digest("hex");
  const cache = fileURLToPath(new URL("../../node_modules/.cache", import.meta.url));
  const dir = join(cache, `eddi-tiny-${hash.slice(0, 16)}`);
  if (existsSync(dir)) return dir;
  mkdirSync(cache, { recursive: true });
  const made = mkdtempSync(join(cache, "eddi-tiny-"));
  cpSync(tiny, join(made, "tiny"), { recursive: true });
  try {
    renameSync(made, dir);
  } catch {
    // Another test's process was faster.
    rmSync(made, { recursive: true });
  }
  return dir;
}

/** Options of a service with the tiny model alone. */
export const TINY_SERVICE = ["--engine", "wasm", "--workers", "1", "--models", MODELS_DIR];

export function testConfig(change: Partial<CloudConfig> = {}): CloudConfig {
  const defaults = readConfig({}, ["--engine", "wasm", "--workers", "1", "--log-level", "silent"]);
  if ("help" in defaults) throw new Error("expected a configuration");
  return { ...defaults, modelsDir: MODELS_DIR, webDir: "/nowhere", dataDir: "/nowhere", ...change };
}

/** A folder with copies of models, to be changed by a test; and what removes it. */
export async function copyOfModels(
  copies: readonly string[],
): Promise<{ dir: string; remove: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), "eddi-models-"));
  for (const name of copies) await cp(join(ALL_MODELS_DIR, "tiny"), join(dir, name), { recursive: true });
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

export function floatTensor(name: string, shape: readonly number[], values: Float32Array): WireTensor {
  return { name, datatype: "FP32", shape, data: new Uint8Array(values.slice().buffer) };
}

/** An image of bytes, the same for the same seed. */
export function imageBytes(seed: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, at) => (at * (2 * seed + 7) + seed * seed * 13) % 256);
}

/** What the tiny model takes: an image of bytes. */
export function tinyImage(seed = 1): WireTensor {
  const shape = [1, 32, 32, 3];
  return { name: "image", datatype: "UINT8", shape, data: imageBytes(seed, 32 * 32 * 3) };
}

export function request(inputs: readonly WireTensor[], change: Partial<InferRequest> = {}): InferRequest {
  return { parameters: {}, inputs, outputs: [], binaryOutputs: true, ...change };
}

/** Sends a request in binary. */
export async function post(
  app: FastifyInstance,
  sent: InferRequest,
  path = "/v2/models/tiny/infer",
): Promise<LightMyRequestResponse> {
  const { body, jsonBytes } = encodeRequest(sent);
  return postBytes(app, body, { [HEADER_LENGTH]: String(jsonBytes) }, path);
}

export function postBytes(
  app: FastifyInstance,
  body: Uint8Array,
  headers: Record<string, string> = {},
  path = "/v2/models/tiny/infer",
): Promise<LightMyRequestResponse> {
  const all = { "content-type": "application/octet-stream", ...headers };
  return app.inject({ method: "POST", url: path, headers: all, payload: Buffer.from(body) });
}

export function readResponse(response: LightMyRequestResponse): InferResponse {
  if (response.statusCode !== 200) throw new Error(`${response.statusCode}: ${response.body}`);
  const header = response.headers[HEADER_LENGTH];
  return decodeResponse(new Uint8Array(response.rawPayload), header === undefined ? null : Number(header));
}

/** Scores of one output. */
export function scoresOf(response: LightMyRequestResponse, at = 0): Float32Array {
  return new Float32Array(readResponse(response).outputs[at]!.data.slice().buffer);
}
