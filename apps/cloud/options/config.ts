import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EddiError } from "#shared/errors";
import {
  ENGINE_CHOICES,
  ENGINES,
  type EngineChoice,
  PRECISION_CHOICES,
  type PrecisionChoice,
} from "../../engines/index.ts";
import { isLoopback } from "../guard/is-loopback.ts";
import { defaultBytesUnderWay } from "../guard/memory-limit.ts";
import { readOrigins } from "../guard/origins.ts";
import type { RateLimit } from "../guard/token-buckets.ts";
import { readBasePath } from "./base-path.ts";
import { envName, findConfigFile, findOptions, hideSecrets, type Setting } from "./option-sources.ts";

export interface CloudConfig {
  /** Where plain HTTP listens; port 0 takes any free one. */
  readonly host: string;
  readonly port: number;
  /** A second listener, for phones: browsers give a camera to HTTPS only. */
  readonly tls: TlsConfig | null;
  /** Where health, readiness and metrics are answered too, on the address of plain HTTP; null for nowhere. */
  readonly managementPort: number | null;
  readonly modelsDir: string;
  /** How often that folder is looked at for models that came, changed or went; 0 is never. */
  readonly modelsPollMs: number;
  /** The built page. */
  readonly webDir: string;
  /** The prefix below which a proxy serves everything, such as `/eddi`; empty for none. */
  readonly basePath: string;
  /** Imagenette in its official layout; need not exist. */
  readonly dataDir: string;
  readonly engine: EngineChoice;
  readonly precision: PrecisionChoice;
  /** What runs tails: so many at once; 0 for one per core, or one for a GPU. */
  readonly workers: number;
  /** Whether each is a thread or a process of its own. */
  readonly isolation: Isolation;
  /** How long a request may have to expect to wait: beyond, it is refused. */
  readonly maxQueueMs: number;
  /** Of all tensors that wait. */
  readonly maxQueueBytes: number;
  /** Images in one request, and in one batch. */
  readonly maxBatch: number;
  readonly bodyLimitBytes: number;
  /** Of all bodies that are being received, inflated and read. */
  readonly maxBytesUnderWay: number;
  /** Longest a request may wait, and longest a tail may run. */
  readonly requestTimeoutMs: number;
  /** After SIGTERM, how long requests are still taken while load balancers find out; readiness is 503 from the start. */
  readonly drainMs: number;
  /** Whether clients may load and unload models. */
  readonly modelControl: boolean;
  /** Whether `/metrics` answers, for Prometheus. */
  readonly metrics: boolean;
  readonly logLevel: LogLevel;
  /** File of the clients' keys; empty where anyone may use everything. */
  readonly keysFile: string;
  /** For each client; null for no limit. */
  readonly rate: RateLimit | null;
  /** Connections of one address at once; infinite where all of them may be those of a proxy. */
  readonly connectionsPerAddress: number;
  /** How many proxies stand in front, whose `x-forwarded-for` is believed. */
  readonly trustedProxies: number;
  /** Other origins whose pages may call the service. */
  readonly corsOrigins: readonly string[];
  /** Every option as it stands, for the log. */
  readonly settings: Readonly<Record<string, Setting>>;
}

export interface TlsConfig {
  readonly host: string;
  readonly port: number;
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
}

export type Isolation = (typeof ISOLATIONS)[number];
export type LogLevel = (typeof LOG_LEVELS)[number];

const ISOLATIONS = ["auto", "thread", "process"] as const;
const SWITCH = ["on", "off"] as const;
const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

/** Every option, its default and what it means. */
const OPTIONS = {
  port: ["8080", "port of plain HTTP; 0 takes any free one"],
  host: ["127.0.0.1", "address that plain HTTP listens on"],
  "tls-cert": ["", "PEM file of a certificate; with --tls-key it also serves HTTPS"],
  "tls-key": ["", "PEM file of its key"],
  "tls-port": ["8443", "port of HTTPS"],
  "tls-host": ["0.0.0.0", "address that HTTPS listens on"],
  "management-port": [
    "",
    "port where health, readiness and metrics are answered too, on the address of --host, whatever clients do",
  ],
  models: ["models", "folder of the models"],
  "model-control": ["off", "on or off: whether those with a key may load and unload models"],
  "models-poll-ms": ["2000", "how often it looks there for models that came, changed or went; 0 is never"],
  web: ["dist/web", "folder of the built page"],
  "base-path": [
    "",
    "prefix that a proxy in front leaves in paths, as /eddi; what comes without is answered too",
  ],
  data: ["", "folder in the layout of imagenette2-160, for sample photos"],
  engine: ["auto", `${ENGINES.join(", ")}, or auto: the first of them that loads`],
  precision: [
    "fp32",
    "fp32, int8, or auto: int8 for models that lose at most 0.3 points by it; heeded by onnxruntime alone",
  ],
  workers: ["0", "workers that run tails; 0 takes one per core, or one for a GPU"],
  isolation: ["auto", "each worker a thread, a process, or auto: processes where a GPU may be used"],
  "max-queue-ms": ["2000", "how long a request may have to expect to wait; beyond, it is refused"],
  "max-queue-bytes": [String(256 << 20), "bytes of all tensors that wait"],
  "max-batch": ["32", "images in one request, and in one batch"],
  "body-limit": [String(16 << 20), "bytes of a request's body"],
  "max-bytes-under-way": [
    "0",
    "bytes of all bodies that are received, inflated and read at once; 0: an eighth of the memory there is",
  ],
  "request-timeout-ms": ["10000", "longest a request may wait, and longest a tail may run"],
  "drain-ms": ["5000", "after SIGTERM, how long it still takes requests while readiness is 503 already"],
  metrics: ["on", "on or off: /metrics for Prometheus"],
  "log-level": ["info", LOG_LEVELS.join(", ")],
  keys: ["", "file of API keys, name:digest a line; --new-key makes one"],
  open: ["off", "without --keys: serves anyone, on addresses that other machines reach too"],
  rate: [
    "0",
    "milliseconds of work a second of one client (key, else address), a request for 1 or more; 0: any",
  ],
  burst: ["100", "milliseconds of work that one client may ask for at once, under --rate"],
  "connections-per-address": [
    "256",
    "connections of one address; idle ones make room for others. 0, or with --trust-proxy: any number",
  ],
  "trust-proxy": ["0", "proxies in front, whose x-forwarded-for is believed"],
  "cors-origins": ["", "other origins whose pages may call it: https://a.example,https://b.example"],
  config: ["", "JSON file of options; flags and environment go before it"],
} as const;

type OptionName = keyof typeof OPTIONS;

const FLAGS = ["open"] as const;
/** Options that lead to secrets. None holds one itself; the log tells only that they are set. */
const HIDDEN: readonly string[] = ["keys", "tls-key"];

/**
 * Reads the options from arguments, environment or file, in this order: see `findOptions`.
 *
 * @returns the configuration, or the text for `--help`
 * @throws EddiError `bad-argument`, naming the option, what was expected and what came
 */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
  args: readonly string[],
  readFile = (path: string): string => readFileSync(path, "utf8"),
): CloudConfig | { readonly help: string } {
  const defaults = Object.fromEntries(Object.entries(OPTIONS).map(([name, [value]]) => [name, value]));
  const found = findOptions(defaults as Record<OptionName, string>, FLAGS, { args, env, readFile });
  if (found === null) return { help: usage() };
  const text = (name: OptionName): string => found[name].value;
  const integer = (name: OptionName, low: number, high: number): number => {
    const value = Number(text(name));
    if (text(name) !== "" && Number.isInteger(value) && value >= low && value <= high) return value;
    throw new EddiError("bad-argument", `--${name}: expected ${low} to ${high}, got ${text(name)}`);
  };
  const oneOf = <T extends string>(name: OptionName, values: readonly T[]): T => {
    const value = values.find((candidate) => candidate === text(name));
    if (value !== undefined) return value;
    throw new EddiError("bad-argument", `--${name}: expected ${values.join(", ")}, got ${text(name)}`);
  };

  const [cert, key] = [text("tls-cert"), text("tls-key")];
  if ((cert === "") !== (key === "")) {
    throw new EddiError("bad-argument", "expected --tls-cert and --tls-key together, got one");
  }
  const host = text("host");
  const tls = cert === "" ? null : { host: text("tls-host"), port: integer("tls-port", 0, 65535), cert, key };
  const reachable = [host, ...(tls === null ? [] : [tls.host])].find((address) => !isLoopback(address));
  if (oneOf("open", SWITCH) === "off" && text("keys") === "" && reachable !== undefined) {
    const expected = "expected --keys FILE, or --open to let anyone in";
    throw new EddiError("bad-argument", `${expected}, to listen on ${reachable}; got neither`);
  }
  const modelControl = oneOf("model-control", SWITCH) === "on";
  if (modelControl && text("keys") === "") {
    throw new EddiError("bad-argument", "--model-control on: expected --keys FILE too, got none");
  }
  const bodyLimitBytes = integer("body-limit", 1, 1 << 30);
  const perSecond = integer("rate", 0, 1_000_000);
  const maxBytesUnderWay = integer("max-bytes-under-way", 0, 2 ** 40) || defaultBytesUnderWay(bodyLimitBytes);
  if (maxBytesUnderWay < 2 * bodyLimitBytes) {
    const expected = `expected at least ${2 * bodyLimitBytes}: a body, as it came and inflated`;
    throw new EddiError("bad-argument", `--max-bytes-under-way: ${expected}, got ${maxBytesUnderWay}`);
  }
  const trustedProxies = integer("trust-proxy", 0, 16);
  const perAddress = integer("connections-per-address", 0, 1_000_000);
  const burst = integer("burst", 1, 1_000_000);
  return {
    host,
    port: integer("port", 0, 65535),
    tls,
    managementPort: text("management-port") === "" ? null : integer("management-port", 0, 65535),
    modelsDir: text("models"),
    modelsPollMs: integer("models-poll-ms", 0, 3_600_000),
    webDir: text("web"),
    basePath: readBasePath(text("base-path")),
    dataDir: text("data") || join(cacheDir(env), "eddi", "data", "imagenette2-160"),
    engine: oneOf("engine", ENGINE_CHOICES),
    precision: oneOf("precision", PRECISION_CHOICES),
    workers: integer("workers", 0, 256),
    isolation: oneOf("isolation", ISOLATIONS),
    maxQueueMs: integer("max-queue-ms", 0, 3_600_000),
    maxQueueBytes: integer("max-queue-bytes", 0, 2 ** 40),
    maxBatch: integer("max-batch", 1, 1024),
    bodyLimitBytes,
    maxBytesUnderWay,
    requestTimeoutMs: integer("request-timeout-ms", 1, 3_600_000),
    drainMs: integer("drain-ms", 0, 3_600_000),
    modelControl,
    metrics: oneOf("metrics", SWITCH) === "on",
    logLevel: oneOf("log-level", LOG_LEVELS),
    keysFile: text("keys"),
    rate: perSecond === 0 ? null : { perSecond, burst },
    connectionsPerAddress: trustedProxies > 0 || perAddress === 0 ? Number.POSITIVE_INFINITY : perAddress,
    trustedProxies,
    corsOrigins: readOrigins(text("cors-origins")),
    settings: hideSecrets(found, HIDDEN),
  };
}

/** The file of options that `readConfig` would read; empty for none. @throws EddiError as `readConfig` */
export function configFileOf(
  env: Readonly<Record<string, string | undefined>>,
  args: readonly string[],
): string {
  return findConfigFile(Object.keys(OPTIONS), FLAGS, { args, env });
}

function usage(): string {
  const rows = Object.entries(OPTIONS).map(([name, [fallback, purpose]]) => {
    return `  --${name.padEnd(20)}${purpose}${fallback === "" ? "" : ` [${fallback}]`}`;
  });
  return [
    "node dist/cloud/main.js [options]: serves models, page and tails",
    "node dist/cloud/main.js --new-key NAME: prints a new key, once, and its line for the file of keys",
    "That is what npm run build:cloud makes of tsx apps/cloud/main.ts.",
    "",
    ...rows,
    "",
    `Each can be set as ${envName("body-limit")} and the like too. HTTPS needs a certificate and its key.`,
    "On an address that other machines reach it needs --keys or --open.",
    "",
  ].join("\n");
}

function cacheDir(env: Readonly<Record<string, string | undefined>>): string {
  return env.XDG_CACHE_HOME || join(env.HOME ?? env.USERPROFILE ?? "..", ".cache");
}
