import { EddiError } from "#shared/errors";
import { hasClasses, type Model, topClass } from "#shared/model";
import type { Frame, ServerTimes } from "#shared/protocol";
import type { TensorValues } from "#shared/runtime";
import type { HeldBytes } from "../guard/bytes-under-way.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { ModelStats } from "../metrics/model-stats.ts";
import { findNamed, modelIdOf, type NamedModel } from "../models/named-model.ts";
import { modelKey, type Registry } from "../models/registry.ts";
import type { CloudConfig } from "../options/config.ts";
import { type Asker, type Executor, Shed } from "../tails/executor.ts";
import type { Answer } from "../worker-messages/frame-answer.ts";
import { type EdgeExit, readAskedExits } from "./asked-exits.ts";
import { chooseExit } from "./choose-exit.ts";
import type { TailWork } from "./infer.ts";
import type { LongFrames } from "./long-frames.ts";
import { readRaw } from "./read-raw.ts";

/** What inference requests are answered from, whichever way they come. */
export interface InferService {
  readonly config: Pick<CloudConfig, "maxBatch" | "maxQueueMs" | "requestTimeoutMs" | "bodyLimitBytes">;
  readonly registry: Registry;
  readonly executor: Executor;
  readonly frames: Pick<LongFrames, "decode" | "encode">;
  readonly metrics: Pick<Metrics, "ran" | "notRun" | "labelled">;
  readonly stats: ModelStats;
  /** Why tails are refused, or null when they are run. */
  readonly refusal: () => string | null;
  /** As of `Guard`. */
  readonly charge: (client: string, workMs: number) => () => void;
}

/** One request, as it came. */
export interface InferCall {
  /** Whose turn it takes. */
  readonly asker: Asker;
  /** A model's id, or a virtual name. */
  readonly modelId: string;
  /** Null takes the newest. */
  readonly version: string | null;
  readonly body: Uint8Array;
  /** Bytes of the body's JSON part; null when all of it is, 0 when it is the only input's values. */
  readonly jsonBytes: number | null;
  /** When it began to come, on the clock of `performance.now()`. */
  readonly receivedMs: number;
  /** What it took to inflate the body: part of decoding it. */
  readonly inflateMs: number;
  /** What the body holds of the memory for bodies, until its tensors wait for a worker. */
  readonly held: Pick<HeldBytes, "release"> | null;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
}

export interface InferAnswer {
  readonly frame: Frame;
  readonly isBinary: boolean;
  readonly times: ServerTimes;
}

/** When it is worth asking a service again that is starting. */
const STARTING_MS = 1000;

/**
 * Runs the tail that a request means, and frames its scores.
 *
 * @throws EddiError `bad-frame` for an empty body, and as `readRaw`, `LongFrames`, `readInfer`, `findNamed`,
 *   `Guard.charge` and `Executor.run`
 */
export async function answerInfer(service: InferService, call: InferCall): Promise<InferAnswer> {
  const cameMs = performance.now() - call.inflateMs;
  let named: NamedModel | null = null;
  try {
    named = findNamed(service.registry, call.modelId, call.version);
    return await answer(service, call, named, cameMs);
  } catch (thrown) {
    service.metrics.notRun(modelIdOf(call.modelId), thrown);
    if (named !== null) service.stats.failed(named.model, performance.now() - cameMs);
    throw thrown;
  }
}

/** @param cameMs when the whole body was there, on the clock of `performance.now()` */
async function answer(
  service: InferService,
  call: InferCall,
  named: NamedModel,
  cameMs: number,
): Promise<InferAnswer> {
  const { config, executor, metrics, stats } = service;
  const { model } = named;
  const receiveMs = cameMs - call.receivedMs;
  const refusal = service.refusal();
  if (refusal !== null)
    throw new EddiError("unavailable", refusal, { cause: new Shed("starting", STARTING_MS) });
  if (call.body.byteLength === 0 && call.jsonBytes !== 0) {
    const expected = `body: expected 1 to ${config.bodyLimitBytes} bytes`;
    throw new EddiError("bad-frame", `${expected}, got an empty body`);
  }
  const { asker, signal } = call;
  const frameAsker = { client: asker.client, signal };
  const { request: asked, ms: elsewhereMs } =
    call.jsonBytes === 0
      ? { request: readRaw(named, call.body), ms: 0 }
      : await service.frames.decode(frameAsker, call.body, call.jsonBytes);
  // What others have had to wait for counts as their tails' work does.
  if (elsewhereMs > 0) service.charge(asker.client, elsewhereMs);
  // The client's budget runs while its body is under way.
  const finishBy = (timeoutMs: number): number => call.receivedMs + timeoutMs;
  const work = chooseExit(named, asked, executor, { ...config, finishBy, asker });
  const tail = { model: modelKey(model), segment: work.segment, ...asker };
  const images = work.tensors[0]!.shape[0]!;
  const askedExits = readAskedExits(asked.parameters, model.metadata, images);
  const giveBack = service.charge(asker.client, executor.workMs(tail, images));
  const inputMs = performance.now() - cameMs;
  const running = executor.run({
    ...tail,
    tensors: work.tensors,
    parameters: asked.parameters,
    startBy: performance.now() + config.requestTimeoutMs,
    finishBy: finishBy(work.timeoutMs),
    signal,
  });
  call.held?.release();
  // Whoever goes away while his tail runs has had its work.
  running.catch(({ cause }) => {
    if (cause instanceof Shed) giveBack();
  });
  const ran = await running;
  const ranMs = performance.now();
  const { outputs, queueMs, batchImages, isStandIn } = ran;
  const { queued } = executor.load();
  const { waitMs: expectedQueueMs } = executor.forecast(tail, 1);
  // Inflating is part of decoding, wherever it is done.
  const computeMs = call.inflateMs + ran.computeMs;
  const times = { receiveMs, queueMs, computeMs, isStandIn, expectedQueueMs };
  metrics.ran({ model: model.metadata.id, exits: work.exits, images, isEarlier: work.isEarlier, ...times });
  const head: Answer["head"] = {
    modelName: named.name,
    modelVersion: model.version,
    ...(asked.id === undefined ? {} : { id: asked.id }),
    parameters: {
      exit: work.exits.at(-1)!.id,
      ...(work.isEarlier ? { earlier_exit: true } : {}),
      receive_ms: receiveMs,
      queue_ms: queueMs,
      compute_ms: times.computeMs,
      work_ms: ran.workMs,
      batch_images: batchImages,
      queue_depth: queued,
      expected_queue_ms: expectedQueueMs,
    },
  };
  const scores = scoresOf(work, outputs);
  label(metrics, model, askedExits, work, scores);
  const frame = await service.frames.encode(frameAsker, { head, scores, labels: model.metadata.labels });
  const endMs = performance.now();
  const stages = { inputMs, inferMs: ran.computeMs, outputMs: endMs - ranMs };
  stats.answered(model, { images, batchImages, totalMs: endMs - cameMs, queueMs, ...stages });
  return { frame, isBinary: scores.some(({ binary }) => binary), times };
}

/** What the exits on the edge said of an image, beside what the last exit that was asked for here says. */
function label(
  metrics: Pick<Metrics, "labelled">,
  { metadata }: Model,
  asked: readonly EdgeExit[],
  { exits }: TailWork,
  scores: Answer["scores"],
): void {
  const last = exits.at(-1)!;
  if (asked.length === 0 || !hasClasses(last)) return;
  const truth = topClass(scores.at(-1)!.values);
  for (const { exit, classIndex, confidence } of asked) {
    if (exit === last.id) continue;
    metrics.labelled(metadata.id, exit, classIndex === truth, confidence);
  }
}

function scoresOf(work: TailWork, outputs: readonly TensorValues[]): Answer["scores"] {
  return work.exits.map(({ id, node, binary, classes }) => {
    const { shape, values } = outputs[work.segment.outputs.indexOf(node)]!;
    return { name: id, shape, values, binary, ...(classes === undefined ? {} : { classes }) };
  });
}
