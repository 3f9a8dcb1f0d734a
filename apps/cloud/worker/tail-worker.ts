import { EddiError, toEddiError } from "#shared/errors";
import { elementCount, imageShape, type Segment } from "#shared/model";
import { openEngine, type Running } from "../../engines/index.ts";
import { tailTo } from "../protocol/infer.ts";
import { SegmentNames } from "../tails/segment-names.ts";
import type { BatchLine } from "../tails/tail-times.ts";
import type { BatchItem, ItemResult, TailRequest, Warmed } from "../worker-messages/tail-messages.ts";
import { warmImages } from "./decode-images.ts";
import { lowerPriority } from "./lower-priority.ts";
import { TailModel } from "./tail-model.ts";
import { port } from "./worker-port.ts";

/** Images of the larger run that tells what a batch saves. */
const BATCH = 4;
const RUNS = 3;

const models = new Map<string, TailModel>();
const names = new SegmentNames();

// One worker that runs tails: it opens all models, runs each a few times, and then serves one batch at a time. Its module does
// not wait for that: where a thread is stopped whose module waits, Node 24 ends the whole process.
lowerPriority();
void start();

async function start(): Promise<void> {
  const engine = await openEngine(port.setup.engine, port.setup.precision);
  const warmed: Warmed[] = [];
  const refused: { model: string; reason: string }[] = [];
  for (const files of port.setup.models) {
    try {
      const opened = new TailModel(files, engine.load, undefined, (message) =>
        port.reply({ kind: "trouble", message }),
      );
      const line = await warm(opened, engine.device);
      warmed.push({ model: files.key, line, nodes: opened.model.nodes.length });
      models.set(files.key, opened);
    } catch (thrown) {
      refused.push({ model: files.key, reason: toEddiError(thrown).message });
    }
  }
  port.listen((message) => {
    if (message.kind === "run") void run(message);
  });
  port.reply({ kind: "started", engine: engine.info, warmed, refused });
}

async function run({ id, model, segmentName, segment, items }: TailRequest): Promise<void> {
  const startMs = performance.now();
  const named = names.hear(segmentName, segment);
  const isStandIn = models.get(model)?.isStandIn(named, items) ?? false;
  const results = await runAll(model, named, items).catch((thrown): ItemResult[] => {
    const { code, message } = toEddiError(thrown);
    return items.map(() => ({ code, message }));
  });
  port.reply({ kind: "ran", id, results, computeMs: performance.now() - startMs, isStandIn });
}

async function runAll(model: string, segment: Segment, items: readonly BatchItem[]): Promise<ItemResult[]> {
  const opened = models.get(model);
  if (opened === undefined) throw new EddiError("unavailable", "expected a model in use, it was withdrawn");
  return opened.run(segment, items);
}

/**
 * Runs all of a model, every exit, so that no request pays for kernels that start, and learns what a batch takes.
 *
 * @throws EddiError when the engine cannot run it
 */
async function warm(opened: TailModel, device: Running["device"]): Promise<BatchLine> {
  const { input } = opened.model.metadata;
  await timeRun(opened, 1);
  // What most requests ask for at first: one exit, from the image.
  for (const exit of opened.model.metadata.exits) await timeRun(opened, 1, [exit.id]);
  await opened.opened();
  await warmImages(input, opened.model.nodes[0]!.tensor);
  const oneMs = await leastOf(RUNS, () => timeRun(opened, 1));
  await timeRun(opened, BATCH);
  const batchMs = await leastOf(RUNS - 1, () => timeRun(opened, BATCH));
  // A GPU's kernels are compiled anew for larger batches, which takes it longer than many runs.
  if (device === "gpu") {
    for (let images = 2; images <= port.setup.maxBatch; images *= 2) await timeRun(opened, images);
  }
  const perImageMs = Math.min(Math.max(0, (batchMs - oneMs) / (BATCH - 1)), oneMs);
  return { perImageMs, fixedMs: oneMs - perImageMs };
}

/** @throws EddiError what the run gave rise to */
async function timeRun(opened: TailModel, images: number, exits = idsOf(opened)): Promise<number> {
  const { input } = opened.model.metadata;
  const shape = [images, ...imageShape(input)];
  const data = new Uint8Array(elementCount(shape));
  const segment = tailTo(opened.model, [input.node], exits);
  const startMs = performance.now();
  const tensors = [{ name: input.node, datatype: "UINT8", shape, data } as const];
  const [result] = await opened.run(segment, [{ tensors, parameters: {} }]);
  if ("code" in result!) throw new EddiError(result.code, result.message);
  return performance.now() - startMs;
}

function idsOf({ model }: TailModel): readonly string[] {
  return model.metadata.exits.map(({ id }) => id);
}

async function leastOf(times: number, run: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i++) least = Math.min(least, await run());
  return least;
}
