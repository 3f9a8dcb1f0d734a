import { expect, test } from "vitest";
import { type CloudConfig, readConfig } from "./config.ts";

const read = (env: Record<string, string>, ...args: string[]) => readConfig(env, args) as CloudConfig;

test("without options there are defaults", () => {
  expect(read({ HOME: "/home/me" })).toEqual({
    host: "127.0.0.1",
    port: 8080,
    tls: null,
    modelsDir: "models",
    modelsPollMs: 2000,
    webDir: "dist/web",
    dataDir: "/home/me/.cache/eddi/data/imagenette2-160",
    engine: "auto",
    workers: 0,
    maxQueueMs: 2000,
    maxQueueBytes: 256 << 20,
    maxBatch: 32,
    bodyLimitBytes: 16 << 20,
    requestTimeoutMs: 10_000,
    drainMs: 5_000,
    metrics: true,
    logLevel: "info",
  });
});

test("an argument goes before the environment, and that before the default", () => {
  const env = { EDDI_PORT: "1", EDDI_DATA: "/photos", XDG_CACHE_HOME: "/cache" };
  expect(read(env, "--port", "2")).toMatchObject({ port: 2, dataDir: "/photos" });
  expect(read({ XDG_CACHE_HOME: "/cache" }).dataDir).toBe("/cache/eddi/data/imagenette2-160");
});

test("with a certificate and a key it serves HTTPS too", () => {
  const tls = { host: "0.0.0.0", port: 8443, cert: "a.pem", key: "b.pem" };
  expect(read({}, "--tls-cert", "a.pem", "--tls-key=b.pem").tls).toEqual(tls);
});

test.each([
  [["--port", "x"], "--port: expected 0 to 65535, got x"],
  [["--port="], "--port: expected 0 to 65535, got "],
  [["--workers", "-1"], /--workers/],
  [["--engine", "cuda"], "--engine: expected auto, tfjs-node-gpu, webgpu, tfjs-node, wasm, got cuda"],
  [["--metrics", "yes"], "--metrics: expected on, off, got yes"],
  [["--drain-ms=-1"], /--drain-ms: expected 0 to/],
  [["--log-level", "loud"], "--log-level: expected debug, info, warn, error, silent, got loud"],
  [["--tls-cert", "a.pem"], "expected --tls-cert and --tls-key together, got one"],
  [["--sport", "1"], /--sport.*--help lists the options/],
  [["stray"], /stray/],
])("%j is refused", (args, message) => {
  expect(() => readConfig({}, args)).toThrow(message);
});

test("help names every option", () => {
  expect(readConfig({}, ["--help"])).toEqual({ help: expect.stringMatching(/--body-limit.*16777216/) });
});
