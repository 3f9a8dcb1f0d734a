import type { Model } from "#shared/model";
import { versionNumber } from "../models/version-number.ts";

/** What is observed of one inference request that was answered. Times in milliseconds. */
export interface RequestObserved {
  /** Images in it. */
  readonly images: number;
  /** Of all requests that ran together with it, itself included. */
  readonly batchImages: number;
  /** From the whole body to the framed answer. */
  readonly totalMs: number;
  readonly queueMs: number;
  /** Inflating the body and reading the frame. */
  readonly inputMs: number;
  /** Decoding the tensors and running the tail. */
  readonly inferMs: number;
  /** Framing the scores. */
  readonly outputMs: number;
}

/** Counts what Triton's statistics extension tells, for every model since the service started. */
export class ModelStats {
  private readonly totals = new WeakMap<Model, Totals>();

  answered(model: Model, observed: RequestObserved): void {
    const { images, batchImages, totalMs, queueMs, inputMs, inferMs, outputMs } = observed;
    const totals = this.of(model);
    totals.lastMs = Date.now();
    totals.images += images;
    totals.success.add(totalMs);
    totals.queue.add(queueMs);
    totals.stages.infer.add(inferMs);
    totals.stages.input.add(inputMs);
    totals.stages.output.add(outputMs);
    // The run has been counted: what its requests took beside is part of it.
    const run = ofBatchSize(totals, batchImages);
    run.input.extend(inputMs);
    run.output.extend(outputMs);
  }

  /** One run of a batch: of several requests, perhaps, or of a part of one. */
  executed(model: Model, images: number, inferMs: number): void {
    const totals = this.of(model);
    totals.executions++;
    const run = ofBatchSize(totals, images);
    run.input.add(0);
    run.infer.add(inferMs);
    run.output.add(0);
  }

  /** @param totalMs from the whole body to the error */
  failed(model: Model, totalMs: number): void {
    const totals = this.of(model);
    totals.lastMs = Date.now();
    totals.fail.add(totalMs);
  }

  /** Triton's `$model_stat`, under the name that the model was asked by. */
  describe(model: Model, name: string): object {
    const { lastMs, images, executions, success, fail, queue, stages, batches } = this.of(model);
    const none = new Duration().describe();
    return {
      name,
      version: versionNumber(model.version),
      last_inference: lastMs,
      inference_count: images,
      execution_count: executions,
      inference_stats: {
        success: success.describe(),
        fail: fail.describe(),
        queue: queue.describe(),
        ...describeStages(stages),
        cache_hit: none,
        cache_miss: none,
      },
      batch_stats: [...batches]
        .sort(([a], [b]) => a - b)
        .map(([size, ofBatch]) => ({ batch_size: size, ...describeStages(ofBatch) })),
    };
  }

  private of(model: Model): Totals {
    const known = this.totals.get(model);
    if (known !== undefined) return known;
    const totals = newTotals();
    this.totals.set(model, totals);
    return totals;
  }
}

interface Totals {
  /** Of the last request, milliseconds since 1970; 0 before. */
  lastMs: number;
  images: number;
  executions: number;
  readonly success: Duration;
  readonly fail: Duration;
  readonly queue: Duration;
  readonly stages: Stages;
  /** By images in a batch; counted by run, not by request. */
  readonly batches: Map<number, Stages>;
}

interface Stages {
  readonly input: Duration;
  readonly infer: Duration;
  readonly output: Duration;
}

class Duration {
  count = 0;
  private ms = 0;

  add(ms: number): void {
    this.count++;
    this.ms += ms;
  }

  /** Makes what was counted last longer. */
  extend(ms: number): void {
    this.ms += ms;
  }

  describe(): object {
    return { count: this.count, ns: Math.round(this.ms * 1e6) };
  }
}

function ofBatchSize({ batches }: Totals, images: number): Stages {
  const known = batches.get(images);
  if (known !== undefined) return known;
  const stages = newStages();
  batches.set(images, stages);
  return stages;
}

function newStages(): Stages {
  return { input: new Duration(), infer: new Duration(), output: new Duration() };
}

function newTotals(): Totals {
  return {
    lastMs: 0,
    images: 0,
    executions: 0,
    success: new Duration(),
    fail: new Duration(),
    queue: new Duration(),
    stages: newStages(),
    batches: new Map(),
  };
}

function describeStages({ input, infer, output }: Stages): object {
  return {
    compute_input: input.describe(),
    compute_infer: infer.describe(),
    compute_output: output.describe(),
  };
}
