import { backend as activeBackend, env, type Tensor, tensor, zeros } from "@tensorflow/tfjs-core";
import type { Model, Segment, Shard } from "#shared/model";
import { SegmentModel, type TensorValues } from "#shared/runtime";
import type { Backend } from "./conversation.ts";
import { within } from "./within.ts";

/** A run or a compilation that takes longer is taken for a hung GPU. */
const HUNG_MS = 60_000;

/** Tensors on the backend's device, by node name. */
export type Held = ReadonlyMap<string, Tensor>;

export interface EngineRun {
  /** Every output, to be disposed of by `release`. */
  readonly held: Held;
  /** The outputs that were to be read, in their order. */
  readonly values: readonly TensorValues[];
  /** From feeding to the last value read back, slow-down included. */
  readonly ms: number;
}

/** Runs segments of the model on the active TF.js backend, one job at a time. */
export class Engine {
  readonly backend: Backend;
  private readonly segments: SegmentModel;
  private readonly slowdown: number;
  private readonly fastest = new Map<string, number>();
  private last: Promise<unknown> = Promise.resolve();

  /** @param slowdown 1 or more: every run takes this many times as long, to stand for a slower phone */
  constructor(model: Model, backend: Backend, slowdown: number) {
    this.segments = new SegmentModel(model);
    this.backend = backend;
    this.slowdown = slowdown;
  }

  /** @throws EddiError `bad-weights` when the bytes are not the shard's */
  addShard(shard: Shard, bytes: Uint8Array): void {
    this.segments.addShard(shard, bytes);
  }

  /**
   * Runs a segment.
   *
   * @param feeds values, or tensors held from an earlier run, by the names that `segment.feeds` has
   * @param read  the outputs to read back
   */
  run(
    segment: Segment,
    feeds: ReadonlyMap<string, TensorValues | Tensor>,
    read: readonly string[],
  ): Promise<EngineRun> {
    return this.exclusively(async () => {
      const start = performance.now();
      const own: Tensor[] = [];
      const inputs = segment.feeds.map((name) => {
        const feed = feeds.get(name)!;
        if (!("values" in feed)) return feed;
        own.push(tensor(feed.values, [...feed.shape], "float32"));
        return own.at(-1)!;
      });
      let outputs: Tensor[] = [];
      try {
        outputs = this.segments.run(segment, inputs);
        const held = new Map(segment.outputs.map((name, at) => [name, outputs[at]!]));
        const values = await Promise.all(
          read.map(async (name) => {
            const output = held.get(name)!;
            return { shape: output.shape, values: (await output.data()) as Float32Array };
          }),
        );
        await this.slowDown(keyOf(segment), start);
        return { held, values, ms: performance.now() - start };
      } catch (thrown) {
        for (const output of outputs) output.dispose();
        throw thrown;
      } finally {
        for (const input of own) input.dispose();
      }
    });
  }

  /**
   * Makes the first real run of a segment as fast as all others: compiles shaders, uploads weights.
   * WebGPU compiles all pipelines at once, without running anything.
   */
  warmUp(segment: Segment): Promise<void> {
    return this.exclusively(async () => {
      const { tensors } = this.segments.model.metadata;
      const feeds = segment.feeds.map((name) => zeros([1, ...tensors[name]!.shape]));
      try {
        if (this.backend === "webgpu") {
          env().set("WEBGPU_ENGINE_COMPILE_ONLY", true);
          try {
            for (const output of this.segments.run(segment, feeds)) output.dispose();
          } finally {
            env().set("WEBGPU_ENGINE_COMPILE_ONLY", false);
          }
          await (activeBackend() as unknown as WebgpuBackend).checkCompileCompletionAsync();
        }
        // With a slow-down some more runs, for its sake: the first is not the fastest.
        for (let run = 0; run < (this.slowdown === 1 ? 1 : 4); run++) {
          const start = performance.now();
          const outputs = this.segments.run(segment, feeds);
          await Promise.all(outputs.map((output) => output.data()));
          for (const output of outputs) output.dispose();
          this.noteTime(keyOf(segment), performance.now() - start);
        }
      } finally {
        for (const feed of feeds) feed.dispose();
      }
    });
  }

  /** Settles when the device is lost, with the reason; only WebGPU tells. */
  async lost(): Promise<string> {
    const { device } = activeBackend() as unknown as Partial<WebgpuBackend>;
    if (device === undefined) return new Promise(() => {});
    const { reason, message } = await device.lost;
    return `GPU device lost (${reason}): ${message}`;
  }

  /**
   * Makes what has just been done last `slowdown` times as long as the fastest of its kind so far: what else
   * this machine was busy with is not part of the slower phone.
   *
   * @param kind  what is always the same work
   * @param start when it began, by `performance.now()`
   */
  async slowDown(kind: string, start: number): Promise<void> {
    const ms = performance.now() - start;
    if (this.slowdown > 1) await pause(this.slowdown * this.noteTime(kind, ms) - ms);
  }

  /** Runs a measurement alone, as a run is. It is never slowed down: `slowdown` is the measurer's to apply. */
  measure<T>(job: (segments: SegmentModel) => Promise<T>): Promise<T> {
    return this.exclusively(() => job(this.segments));
  }

  /** @returns the fastest time of this kind so far */
  private noteTime(key: string, ms: number): number {
    const fastest = Math.min(ms, this.fastest.get(key) ?? ms);
    this.fastest.set(key, fastest);
    return fastest;
  }

  private exclusively<T>(job: () => Promise<T>): Promise<T> {
    const result = this.last.then(() => within(HUNG_MS, this.backend, job()));
    this.last = result.catch(() => {});
    return result;
  }
}

const keyOf = ({ feeds, nodes }: Segment): string => `${feeds}>${nodes.length}>${nodes.at(-1)}`;

export function release(held: Held): void {
  for (const one of held.values()) if (!one.isDisposed) one.dispose();
}

/** What we use of TF.js' WebGPU backend beyond the common interface. */
interface WebgpuBackend {
  readonly device: GPUDevice;
  checkCompileCompletionAsync(): Promise<void>;
}

/** Timers are late by milliseconds, so the last of them are spent spinning. */
async function pause(ms: number): Promise<void> {
  if (ms <= 0) return;
  const end = performance.now() + ms;
  if (ms > 8) await new Promise((done) => setTimeout(done, ms - 6));
  while (performance.now() < end);
}
