import type { Model } from "#shared/model";
import { versionNumber } from "../models/version-number.ts";

/** What is observed of one inference request that was answered. Times in milliseconds. */
export interface RequestObserved {
  /** Images in it. */
  readonly batch: number;
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
    const { batch, totalMs, queueMs, inputMs, inferMs, outputMs } = observed;
    const totals = this.of(model);
    totals.lastMs = Date.now();
    totals.images += batch;
    totals.success.add(totalMs);
    totals.queue.add(queueMs);
    const ofBatch = totals.batches.get(batch) ?? newStages();
    totals.batches.set(batch, ofBatch);
    for (const stages of [totals.stages, ofBatch]) {
      stages.input.add(inputMs);
      stages.infer.add(inferMs);
      stages.output.add(outputMs);
    }
  }

  /** @param totalMs from the whole body to the error */
  failed(model: Model, totalMs: number): void {
    const totals = this.of(model);
    totals.lastMs = Date.now();
    totals.fail.add(totalMs);
  }

  /** Triton's `$model_stat`, under the name that the model was asked by. Every request is an execution. */
  describe(model: Model, name: string): object {
    const { lastMs, images, success, fail, queue, stages, batches } = this.of(model);
    const none = new Duration().describe();
    return {
      name,
      version: versionNumber(model.version),
      last_inference: lastMs,
      inference_count: images,
      execution_count: success.count,
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
  readonly success: Duration;
  readonly fail: Duration;
  readonly queue: Duration;
  readonly stages: Stages;
  /** By images in a request: as many as a batch may have. */
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

  describe(): object {
    return { count: this.count, ns: Math.round(this.ms * 1e6) };
  }
}

function newStages(): Stages {
  return { input: new Duration(), infer: new Duration(), output: new Duration() };
}

function newTotals(): Totals {
  return {
    lastMs: 0,
    images: 0,
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
