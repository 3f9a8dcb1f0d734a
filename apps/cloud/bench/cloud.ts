import os from "node:os";
import { parseArgs } from "node:util";
import { EddiError, toEddiError } from "#shared/errors";
import { ENGINES, type EngineName, setTensorFlowDefaults } from "../../engines/index.ts";
import { directThroughput } from "./direct.ts";
import { shareOut } from "./fairness.ts";
import { attack } from "./hostile.ts";
import { closedLoop, openLoop, probeHealth, summary, warmRefusals } from "./load.ts";
import { pipeline } from "./pipelined.ts";
import { type Service, startService } from "./service.ts";
import { besiege, type SiegeOptions } from "./siege.ts";
import { splitCores } from "./split-cores.ts";
import { readWorkload, type Workload } from "./workload.ts";

const USAGE = `npm run -s bench:cloud -- [options]

Loads the service with one tail over and over, on every engine that loads, and prints JSON; times in milliseconds,
throughput in requests a second. Clients and service share this machine's cores, unless told to keep apart.

  --engines A,B    default ${ENGINES.join()}: those that are not installed are named as missing
  --model ID       default resnet-imagenette
  --cut NODE       the tensor that is sent, as uint4 (default stage2/block1/relu)
  --exit ID        default the last
  --workers N      default one per core, or one for a GPU
  --clients N      of closed loop (default four per worker)
  --apart          the service gets half of the cores, the clients the others (needs Linux's taskset)
  --seconds S      of each phase (default 10)
  --rounds N       of closed loop beside direct calls (default 3)
  --deadline-ms D  that requests have in overload (default 250)
  --fairness       instead: how clients and models share a service that has too much to do; each must get 0.45 of the
                   work (--engines, --workers, --seconds, --apart, and of the clients --model and --cut)
  --hostile        instead: how long each of what is hostile holds the event loop
  --siege          instead: 1,000 bodies that do not end, in 2 GiB (needs prlimit and /proc)
  --pipelined      instead: what stays of clients that ask ahead for files, and leave (needs /proc)
  --soak-s S       of steady load at 0.7 of the capacity, for memory (default 0: none)
`;

/** Until the code of service and clients is compiled. */
const WARM_UP_S = 5;
/** Of the capacity. */
const RATES = [0.5, 0.8, 0.95];
const OVERLOAD = 3;
const SOAK_RATE = 0.7;
const SOAK_SAMPLE_MS = 5_000;

const values = readOptions();
if (values.help) process.stdout.write(USAGE);
else {
  try {
    await run();
  } catch (thrown) {
    process.stderr.write(`${toEddiError(thrown).message}\n`);
    process.exitCode = 1;
  }
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        engines: { type: "string", default: ENGINES.join() },
        model: { type: "string", default: "resnet-imagenette" },
        cut: { type: "string", default: "stage2/block1/relu" },
        exit: { type: "string" },
        workers: { type: "string", default: "0" },
        clients: { type: "string", default: "0" },
        fairness: { type: "boolean", default: false },
        hostile: { type: "boolean", default: false },
        siege: { type: "boolean", default: false },
        pipelined: { type: "boolean", default: false },
        apart: { type: "boolean", default: false },
        seconds: { type: "string", default: "10" },
        rounds: { type: "string", default: "3" },
        "deadline-ms": { type: "string", default: "250" },
        "soak-s": { type: "string", default: "0" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (thrown) {
    process.stderr.write(`${(thrown as Error).message}\n`);
    process.exit(1);
  }
}

async function run(): Promise<void> {
  setTensorFlowDefaults("tails");
  const cores = values.apart ? splitCores() : null;
  const workload = await readWorkload(values.model, values.cut, values.exit);
  const engines: Record<string, object> = {};
  const { name, bench } = chosenBench();
  for (const engine of chosenEngines()) {
    engines[engine] = await bench(engine, workload, cores?.service).catch((thrown) => {
      const error = toEddiError(thrown);
      if (error.code !== "unavailable") throw thrown;
      return { missing: error.message };
    });
  }
  const { model, cut, exit, bytes } = workload;
  const report = {
    bench: name,
    model: model.metadata.id,
    version: model.version,
    cut,
    exit,
    requestBytes: bytes,
    node: process.version,
    device: `${os.cpus().length} x ${os.cpus()[0]?.model ?? os.arch()}`,
    cores,
    engines,
  };
  process.stdout.write(`${JSON.stringify(report, null, 1)}\n`);
}

function chosenEngines(): readonly EngineName[] {
  return values.engines.split(",").map((wanted) => {
    const engine = ENGINES.find((one) => one === wanted);
    if (engine !== undefined) return engine;
    throw new EddiError("bad-argument", `--engines: expected of ${ENGINES.join()}, got ${wanted}`);
  });
}

/** @param cores of the service; any, if not given */
async function benchEngine(engine: string, workload: Workload, cores?: string): Promise<object> {
  const workers = number("workers", 0);
  const seconds = number("seconds", 1);
  const say = (what: string) => process.stderr.write(`${engine}: ${what}\n`);
  const service = await startService(engine, workers, cores);
  try {
    const clients = number("clients", 0) || 4 * service.workers;
    await closedLoop(service.url, workload, clients, WARM_UP_S);
    const rounds = [];
    for (let round = 0; round < number("rounds", 1); round++) {
      say(`direct and closed loop, round ${round + 1}`);
      const direct = await directThroughput(service.engine, workload, service.workers, clients, seconds);
      const closed = await closedLoop(service.url, workload, clients, seconds);
      const ratio = closed.throughput / direct;
      rounds.push({ direct, ...closed, ratio, ratioToCoresLeft: ratio / shareLeft(service, closed) });
    }
    const capacity = median(rounds.map(({ throughput }) => throughput));
    const left = median(rounds.map((closed) => shareLeft(service, closed)));
    const open = [];
    for (const rate of RATES) {
      say(`${rate} of ${capacity.toFixed(0)} requests/s`);
      const { answered } = await openLoop(service.url, workload, rate * capacity, seconds, null);
      open.push({ rate, offered: rate * capacity, latency: summary(answered) });
    }
    say(`${OVERLOAD} times ${capacity.toFixed(0)} requests/s`);
    const overload = await overloaded(service, workload, { capacity, left }, seconds);
    const soak = number("soak-s", 0);
    if (soak > 0) say(`${soak} s of ${SOAK_RATE} of the capacity`);
    return {
      workers: service.workers,
      device: service.device,
      clients,
      rounds,
      throughput: capacity,
      ratioToDirect: median(rounds.map(({ ratio }) => ratio)),
      ratioToCoresLeft: median(rounds.map(({ ratioToCoresLeft }) => ratioToCoresLeft)),
      open,
      overload,
      ...(soak > 0 ? { soak: await soaked(service, workload, SOAK_RATE * capacity, soak) } : {}),
    };
  } finally {
    await service.stop();
  }
}

type Bench = (engine: string, workload: Workload, cores?: string) => Promise<object>;

/** What is measured: the load, or what is asked for instead. */
function chosenBench(): { readonly name: string; readonly bench: Bench } {
  if (values.fairness) return { name: "cloud fairness", bench: benchFairness };
  if (values.hostile) return { name: "cloud hostile", bench: withEngine(attack) };
  if (values.siege) return { name: "cloud siege", bench: withEngine(besiege) };
  if (values.pipelined) return { name: "cloud pipelined", bench: withEngine(pipeline) };
  return { name: "cloud", bench: benchEngine };
}

function withEngine(measure: (options: SiegeOptions) => Promise<object>): Bench {
  return (engine, _, cores) => {
    const say = (what: string) => process.stderr.write(`${engine}: ${what}\n`);
    return measure({ engine, cores, say });
  };
}

async function benchFairness(
  engine: string,
  { model, cut, exit }: Workload,
  cores?: string,
): Promise<object> {
  const say = (what: string) => process.stderr.write(`${engine}: ${what}\n`);
  const tail = { model: model.metadata.id, cut, exit };
  return shareOut({ engine, workers: number("workers", 0), seconds: number("seconds", 1), tail, cores, say });
}

/** Of the workers' cores: where each core has its worker, what clients take is taken from the workers. */
function shareLeft({ workers }: Service, { clientCores }: { readonly clientCores: number }): number {
  if (values.apart) return 1;
  return Math.min(1, (os.availableParallelism() - clientCores) / workers);
}

/** @param saturated what the service does in closed loop, and the share of its cores that those clients left it */
async function overloaded(
  service: Service,
  workload: Workload,
  { capacity, left }: { readonly capacity: number; readonly left: number },
  seconds: number,
): Promise<object> {
  const deadlineMs = number("deadline-ms", 1);
  const offered = OVERLOAD * capacity;
  await warmRefusals(service.url, workload, service.workers, WARM_UP_S);
  const health = await probeHealth(service.url);
  const load = await openLoop(service.url, workload, offered, seconds, deadlineMs);
  const { answered, refused, failed, clientCores } = load;
  const inTime = answered.filter((ms) => ms <= deadlineMs).length;
  const goodputOfCapacity = inTime / seconds / capacity;
  return {
    offered,
    deadlineMs,
    goodput: inTime / seconds,
    goodputOfCapacity,
    clientCores,
    goodputToCoresLeft: (goodputOfCapacity * left) / shareLeft(service, load),
    late: answered.length - inTime,
    answered: summary(answered),
    refused: summary(refused),
    failed,
    health: summary(await health.stop()),
  };
}

/** Memory under steady load: its slope is fitted to the second half, when caches are full. */
async function soaked(service: Service, workload: Workload, rate: number, seconds: number): Promise<object> {
  const samples: { s: number; mb: number }[] = [];
  const startMs = performance.now();
  const sample = setInterval(() => {
    samples.push({ s: (performance.now() - startMs) / 1000, mb: service.rssBytes() / 2 ** 20 });
  }, SOAK_SAMPLE_MS);
  const { answered, refused, failed } = await openLoop(service.url, workload, rate, seconds, null);
  clearInterval(sample);
  const half = samples.slice(Math.floor(samples.length / 2));
  const mean = (of: (one: (typeof half)[number]) => number) =>
    half.reduce((sum, one) => sum + of(one), 0) / half.length;
  const [s, mb] = [mean((one) => one.s), mean((one) => one.mb)];
  const slope = mean((one) => (one.s - s) * (one.mb - mb)) / mean((one) => (one.s - s) ** 2);
  const requests = answered.length + refused.length + failed;
  return { seconds, requests, failed, firstMb: samples[0]?.mb, meanMb: mb, slopeMbPerMinute: 60 * slope };
}

function number(
  name: "workers" | "clients" | "seconds" | "rounds" | "deadline-ms" | "soak-s",
  least: number,
): number {
  const value = Number(values[name]);
  if (Number.isFinite(value) && value >= least) return value;
  throw new EddiError("bad-argument", `--${name}: expected ${least} or more, got ${values[name]}`);
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
