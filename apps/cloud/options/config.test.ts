import { describe, expect, test } from "vitest";
import { ENGINE_CHOICES } from "../../engines/index.ts";
import { type CloudConfig, readConfig } from "./config.ts";

const read = (env: Record<string, string>, ...args: string[]) => readConfig(env, args) as CloudConfig;

test("without options there are defaults", () => {
  expect(read({ HOME: "/home/me" })).toEqual({
    host: "127.0.0.1",
    port: 8080,
    tls: null,
    managementPort: null,
    modelsDir: "models",
    modelsPollMs: 2000,
    webDir: "dist/web",
    basePath: "",
    dataDir: "/home/me/.cache/eddi/data/imagenette2-160",
    engine: "auto",
    precision: "fp32",
    workers: 0,
    isolation: "auto",
    maxQueueMs: 2000,
    maxQueueBytes: 256 << 20,
    maxBatch: 32,
    bodyLimitBytes: 16 << 20,
    maxBytesUnderWay: expect.any(Number),
    requestTimeoutMs: 10_000,
    drainMs: 5_000,
    modelControl: false,
    metrics: true,
    logLevel: "info",
    keysFile: "",
    rate: null,
    connectionsPerAddress: 256,
    trustedProxies: 0,
    corsOrigins: [],
    settings: expect.any(Object),
  });
});

test("connections of one address are bounded, but not where all of them may be a proxy's", () => {
  const boundOf = (...args: string[]) => read({}, ...args).connectionsPerAddress;
  expect(boundOf("--connections-per-address", "5")).toBe(5);
  expect(boundOf("--connections-per-address", "0")).toBe(Number.POSITIVE_INFINITY);
  expect(boundOf("--trust-proxy", "1")).toBe(Number.POSITIVE_INFINITY);
});

test("bodies under way have room for one at least, whatever the memory; a management port may be any free one", () => {
  expect(read({}, "--body-limit", "1000", "--max-bytes-under-way", "2000").maxBytesUnderWay).toBe(2000);
  expect(read({}, "--body-limit", "1000").maxBytesUnderWay).toBeGreaterThanOrEqual(2000);
  expect(read({}, "--management-port", "0").managementPort).toBe(0);
});

test("an argument goes before the environment, and that before the default", () => {
  const env = { EDDI_PORT: "1", EDDI_DATA: "/photos", XDG_CACHE_HOME: "/cache" };
  expect(read(env, "--port", "2")).toMatchObject({ port: 2, dataDir: "/photos" });
  expect(read({ XDG_CACHE_HOME: "/cache" }).dataDir).toBe("/cache/eddi/data/imagenette2-160");
});

test("with a certificate and a key it serves HTTPS too", () => {
  const tls = { host: "0.0.0.0", port: 8443, cert: "a.pem", key: "b.pem" };
  expect(read({}, "--open", "--tls-cert", "a.pem", "--tls-key=b.pem").tls).toEqual(tls);
});

test.each([
  [["--port", "x"], "--port: expected 0 to 65535, got x"],
  [["--port="], "--port: expected 0 to 65535, got "],
  [["--workers", "-1"], /--workers/],
  [["--management-port", "x"], "--management-port: expected 0 to 65535, got x"],
  [
    ["--body-limit", "1000", "--max-bytes-under-way", "1999"],
    "--max-bytes-under-way: expected at least 2000: a body, as it came and inflated, got 1999",
  ],
  [["--engine", "cuda"], `--engine: expected ${ENGINE_CHOICES.join(", ")}, got cuda`],
  [["--isolation", "vm"], "--isolation: expected auto, thread, process, got vm"],
  [["--metrics", "yes"], "--metrics: expected on, off, got yes"],
  [["--drain-ms=-1"], /--drain-ms: expected 0 to/],
  [["--log-level", "loud"], "--log-level: expected debug, info, warn, error, silent, got loud"],
  [["--tls-cert", "a.pem"], "expected --tls-cert and --tls-key together, got one"],
  [["--rate=-1"], "--rate: expected 0 to 1000000, got -1"],
  [["--burst", "0"], "--burst: expected 1 to 1000000, got 0"],
  [["--cors-origins", "*"], "--cors-origins: expected such as https://a.example, got *"],
  [["--cors-origins", "https://a.example/"], "got https://a.example/"],
  [["--cors-origins", "https://a.example,b.example"], "got b.example"],
  [["--open=yes"], /--open/],
  [
    ["--host", "0.0.0.0"],
    "expected --keys FILE, or --open to let anyone in, to listen on 0.0.0.0; got neither",
  ],
  [["--host", "::"], "to listen on ::; got neither"],
  [["--tls-cert", "a.pem", "--tls-key", "b.pem"], "to listen on 0.0.0.0; got neither"],
  [["--sport", "1"], /--sport.*--help lists the options/],
  [["stray"], /stray/],
])("%j is refused", (args, message) => {
  expect(() => readConfig({}, args)).toThrow(message);
});

test("who listens where other machines reach it has keys, or is open and says so", () => {
  expect(read({}, "--host", "0.0.0.0", "--keys", "k").keysFile).toBe("k");
  expect(read({}, "--host", "0.0.0.0", "--open").host).toBe("0.0.0.0");
  expect(read({ EDDI_OPEN: "on" }, "--host", "192.168.0.1").host).toBe("192.168.0.1");
  for (const host of ["127.0.0.1", "::1", "localhost"]) expect(read({}, "--host", host).host).toBe(host);
  expect(() => read({ EDDI_OPEN: "off" }, "--host", "0.0.0.0")).toThrow("got neither");
});

test("rate, burst and origins are read", () => {
  expect(read({}, "--rate", "5")).toMatchObject({ rate: { perSecond: 5, burst: 100 } });
  expect(read({}, "--rate", "5", "--burst", "7").rate).toEqual({ perSecond: 5, burst: 7 });
  const origins = ["https://a.example", "http://localhost:5173"];
  expect(read({}, "--cors-origins", origins.join(", ")).corsOrigins).toEqual(origins);
});

describe("a file of options", () => {
  const withFile = (content: object | string, env = {}, ...args: string[]) => {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    const readFile = (path: string) => {
      if (path === "eddi.json") return text;
      throw Object.assign(new Error(), { code: "ENOENT" });
    };
    return readConfig({ EDDI_CONFIG: "eddi.json", ...env }, args, readFile) as CloudConfig;
  };

  test("stands behind flags and environment, and before the defaults", () => {
    const file = { port: 1, workers: 2, "max-batch": 3, open: true, host: "0.0.0.0" };
    const config = withFile(file, { EDDI_PORT: "4", EDDI_WORKERS: "5" }, "--port", "6");
    expect(config).toMatchObject({ port: 6, workers: 5, maxBatch: 3, host: "0.0.0.0", logLevel: "info" });
    expect(config.settings).toMatchObject({
      port: { value: "6", from: "flag" },
      workers: { value: "5", from: "environment" },
      "max-batch": { value: "3", from: "file" },
      open: { value: "on", from: "file" },
      "log-level": { value: "info", from: "default" },
    });
    expect(withFile({}, {}, "--config", "eddi.json").port).toBe(8080);
  });

  test.each([
    [{ sport: 1 }, "--config eddi.json: expected options, got sport"],
    [{ help: true }, "--config eddi.json: expected options, got help"],
    [{ config: "other.json" }, "--config eddi.json: expected options, got config"],
    [{ port: [1] }, "--config eddi.json: port: expected a string, a number or true or false, got [1]"],
    [{ port: null }, "--config eddi.json: port: expected"],
    [{ port: "x" }, "--port: expected 0 to 65535, got x"],
    [{ open: "yes" }, "--open: expected on, off, got yes"],
    [[1], "--config eddi.json: expected an object of options"],
    ["{port: 1}", "--config eddi.json: expected JSON, got: "],
    ['{"__proto__": {"port": 1}}', "--config eddi.json: expected JSON, got: "],
  ])("%j is refused", (file, message) => {
    expect(() => withFile(file)).toThrow(message);
  });

  test("is named when it cannot be read", () => {
    const message = "--config none.json: expected a readable file, got ENOENT";
    expect(() => withFile({}, {}, "--config", "none.json")).toThrow(message);
  });
});

test("settings for the log do not tell where secrets lie", () => {
  const config = read({}, "--keys", "/secret/keys", "--tls-cert", "a.pem", "--tls-key", "/secret/key.pem");
  expect(config.settings).toMatchObject({
    keys: { value: "(set)", from: "flag" },
    "tls-key": { value: "(set)" },
  });
  expect(JSON.stringify(config.settings)).not.toContain("secret");
});

test("help names every option", () => {
  expect(readConfig({}, ["--help"])).toEqual({ help: expect.stringMatching(/--body-limit.*16777216/) });
});
