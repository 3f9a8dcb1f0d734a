import { parentPort, workerData } from "node:worker_threads";
import { toEddiError } from "#shared/errors";
import { elementCount, imageShape } from "#shared/model";
import type { ModelFiles } from "../models/registry.ts";
import { tailTo } from "../protocol/infer.ts";
import { warmImages } from "./decode-images.ts";
import { openEngine } from "./engine.ts";
import type { TailReply, TailRequest, TailSetup } from "./tail-messages.ts";
import { TailModel } from "./tail-model.ts";

// One thread that runs tails: it opens all models, runs each once, and then serves one request at a time.
const setup = workerData as TailSetup;
const engine = await openEngine(setup.engine);
const models = new Map<string, TailModel>();
const refused: { id: string; reason: string }[] = [];
for (const files of setup.models) {
  try {
    models.set(files.id, await openWarm(files));
  } catch (thrown) {
    refused.push({ id: files.id, reason: toEddiError(thrown).message });
  }
}
parentPort?.on("message", async (message: TailRequest) => {
  if (message.kind === "run") reply(await run(message));
});
reply({ kind: "started", engine, refused });

async function run({ id, modelId, segment, tensors, parameters }: TailRequest): Promise<TailReply> {
  const startMs = performance.now();
  try {
    const outputs = await models.get(modelId)!.run(segment, tensors, parameters);
    return { kind: "ran", id, outputs, computeMs: performance.now() - startMs };
  } catch (thrown) {
    const { code, message } = toEddiError(thrown);
    return { kind: "failed", id, code, message };
  }
}

/** Opens a model and runs all of it, every exit, so that no request pays for kernels that start. */
async function openWarm(files: ModelFiles): Promise<TailModel> {
  const opened = new TailModel(files);
  const { input, exits } = opened.model.metadata;
  const shape = [1, ...imageShape(input)];
  const data = new Uint8Array(elementCount(shape));
  const segment = tailTo(
    opened.model,
    [input.node],
    exits.map((exit) => exit.id),
  );
  await opened.run(segment, [{ name: input.node, datatype: "UINT8", shape, data }], {});
  await warmImages(input, opened.model.nodes[0]!.tensor);
  return opened;
}

function reply(message: TailReply): void {
  parentPort?.postMessage(message);
}
