import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { EddiError, toEddiError } from "#shared/errors";
import {
  allEdge,
  type Model,
  PRECISIONS,
  type Precision,
  type Segment,
  splitPlan,
  tailOf,
} from "#shared/model";
import { nodeWork } from "#shared/profile";
import {
  ENGINES,
  type EngineName,
  type LoadedModel,
  openEngine,
  setTensorFlowDefaults,
} from "../../engines/index.ts";
import { modelFolder, readModelFolder } from "../files/model-folder.ts";
import { matrixProduct, PRODUCT_MACS, PRODUCT_ROWS } from "./matrix-product.ts";
import { timeSegment } from "./time-segment.ts";

const USAGE = `npm run -s bench:engines -- [options]

What each engine takes for the parts of the shipped models, each model in a process of its own, one thread; of seven
rounds the fastest counts.

  --engines A,B   default ${ENGINES.join()}: those that do not load here are left out, and said
  --models A,B    default those that have a cut below
  --batches 1,8   images in a run

Prints a JSON array of rows; shareOfPeak is of what the fastest of these engines makes of a large matrix product in the
same run, by its processor time; rssMb is what the process has in memory in the end.
`;

/** Where a tail is timed that plans often choose. */
const CUTS: Readonly<Record<string, string>> = {
  "resnet-imagenette": "stage2/block1/relu",
  "inception-imagenette": "stem/pool",
  "mobilenet-imagenette": "stage2/block1/project",
};

interface Row {
  readonly engine: EngineName;
  readonly precision: Precision;
  readonly model: string;
  readonly part: "head" | "tail" | "whole";
  /** What is cut; of a whole model the image. */
  readonly cut: string;
  readonly batch: number;
  readonly msPerImage: number;
  readonly cpuMsPerImage: number;
  readonly shareOfPeak: number;
  readonly rssMb: number;
}

/** What a process of one engine and one model says. */
interface Measured {
  /** Multiply-adds a millisecond of a large matrix product. */
  readonly peakMacs: number;
  readonly rows: readonly (Omit<Row, "shareOfPeak"> & { readonly macs: number })[];
}

const FULL: Precision = "fp32";

const { values } = parseArgs({
  options: {
    engines: { type: "string", default: ENGINES.join() },
    models: { type: "string", default: Object.keys(CUTS).join() },
    batches: { type: "string", default: "1,8" },
    precision: { type: "string", default: FULL },
    child: { type: "boolean", default: false },
    help: { type: "boolean" },
  },
});
try {
  if (values.help) process.stdout.write(USAGE);
  else process.stdout.write(`${JSON.stringify(values.child ? await measure() : await compare(), null, 1)}\n`);
} catch (thrown) {
  process.stderr.write(`${toEddiError(thrown).message}\n`);
  process.exitCode = 1;
}

async function compare(): Promise<readonly Row[]> {
  const found: Measured[] = [];
  for (const engine of chosenEngines()) {
    for (const precision of engine === "onnxruntime" ? PRECISIONS : [FULL]) {
      for (const model of chosenModels()) {
        process.stderr.write(`${engine} in ${precision}, ${model}\n`);
        const measured = await inAProcess(engine, precision, model);
        if (measured === null) break;
        found.push(measured);
      }
    }
  }
  const peak = Math.max(...found.map(({ peakMacs }) => peakMacs));
  return found.flatMap(({ rows }) =>
    rows.map(({ macs, rssMb, ...row }) => ({ ...row, shareOfPeak: macs / row.cpuMsPerImage / peak, rssMb })),
  );
}

/** @returns null where the engine does not load */
async function inAProcess(engine: EngineName, precision: Precision, model: string): Promise<Measured | null> {
  const self = fileURLToPath(import.meta.url);
  const asked = [
    "--child",
    "--engines",
    engine,
    "--precision",
    precision,
    "--models",
    model,
    "--batches",
    values.batches,
  ];
  try {
    const args = ["--import", "tsx", self, ...asked];
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 24 });
    return JSON.parse(stdout) as Measured;
  } catch (thrown) {
    const { stderr } = thrown as { stderr?: string };
    process.stderr.write(`${engine} is left out: ${stderr?.trim() || toEddiError(thrown).message}\n`);
    return null;
  }
}

async function measure(): Promise<Measured> {
  setTensorFlowDefaults("tails");
  const [name] = chosenEngines();
  const [id] = chosenModels();
  const precision = PRECISIONS.find((one) => one === values.precision) ?? FULL;
  const engine = await openEngine(name!, precision);
  const folder = modelFolder(id!);
  const model = await readModelFolder(folder);
  const loaded = engine.load(model, (trouble) => process.stderr.write(`${trouble}\n`));
  for (const shard of model.shards) loaded.addShard(shard, readFileSync(path.join(folder, shard.path)));
  const timed: Omit<Measured["rows"][number], "rssMb">[] = [];
  for (const batch of chosenBatches()) {
    for (const { part, cut, segment } of partsOf(model, CUTS[id!]!)) {
      const time = await timeSegment(loaded, model, segment, batch);
      const macs = macsOf(model, segment);
      const what = { engine: name!, precision, model: id!, part, cut, batch } as const;
      timed.push({ ...what, ...time, macs });
    }
  }
  // Before the product, which takes memory of its own.
  const rssMb = process.memoryUsage().rss / 2 ** 20;
  return { peakMacs: await productMacs(engine.load), rows: timed.map((row) => ({ ...row, rssMb })) };
}

/** Multiply-adds a millisecond of processor time. */
async function productMacs(load: (model: Model) => LoadedModel): Promise<number> {
  const { model, segment, shard } = matrixProduct();
  const loaded = load(model);
  loaded.addShard(model.shards[0]!, shard);
  const { cpuMsPerImage } = await timeSegment(loaded, model, segment, PRODUCT_ROWS);
  loaded.dispose();
  return PRODUCT_MACS / (PRODUCT_ROWS * cpuMsPerImage);
}

/** The head up to the cut, the tail behind it, and the whole model, to its last exit. */
function partsOf(
  model: Model,
  cut: string,
): readonly { readonly part: Row["part"]; readonly cut: string; readonly segment: Segment }[] {
  const exit = model.metadata.exits.at(-1)!.id;
  const image = model.metadata.input.node;
  const whole = splitPlan(model, allEdge(model, exit)).head;
  const tail = tailOf(model, [cut], exit);
  const head = splitPlan(model, {
    exit,
    head: [image, ...whole.nodes.filter((node) => !tail.nodes.includes(node))],
  }).head;
  return [
    { part: "whole", cut: image, segment: whole },
    { part: "head", cut, segment: head },
    { part: "tail", cut, segment: tail },
  ];
}

function macsOf(model: Model, { nodes }: Segment): number {
  const wanted = new Set(nodes);
  return nodeWork(model).reduce(
    (sum, { macs }, at) => sum + (wanted.has(model.nodes[at]!.name) ? macs : 0),
    0,
  );
}

function chosenEngines(): readonly EngineName[] {
  return chosen("engines", ENGINES);
}

function chosenModels(): readonly string[] {
  return chosen("models", Object.keys(CUTS));
}

function chosenBatches(): readonly number[] {
  return values.batches.split(",").map((text) => {
    const batch = Number(text);
    if (Number.isSafeInteger(batch) && batch > 0) return batch;
    throw new EddiError("bad-argument", `--batches: expected whole numbers above 0, got ${text}`);
  });
}

/** @throws EddiError `bad-argument` */
function chosen<T extends string>(option: "engines" | "models", known: readonly T[]): readonly T[] {
  return values[option].split(",").map((wanted) => {
    const found = known.find((one) => one === wanted);
    if (found !== undefined) return found;
    throw new EddiError("bad-argument", `--${option}: expected of ${known.join()}, got ${wanted}`);
  });
}
