import { backend as activeBackend, dispose, env, type Tensor, tensor, zeros } from "@tensorflow/tfjs-core";
import { EddiError, toEddiError } from "#shared/errors";
import { type Model, type OutputKind, outputKind, type Segment, type Shard } from "#shared/model";
import { canReplay, ReplayingModel, SegmentModel, selfTest, type TensorValues } from "#shared/runtime";
import type { Backend } from "../../talk/edge.ts";
import { orAborted, within } from "../../talk/within.ts";
import { faultOf, isConstant } from "./check-results.ts";
import { type DeviceWatch, watchDevice } from "./device-watch.ts";

/** A compilation or a measurement that takes longer is taken for a hung GPU. */
const HUNG_MS = 60_000;
/** A run of what is warm that takes longer, slow-down not counted. */
const RUN_HUNG_MS = 20_000;

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

/**
 * Runs segments of the model on the active TF.js backend, one job at a time. What it reads back is looked at before
 * anybody gets it: an engine may fail without a word.
 */
export class Engine {
  readonly backend: Backend;
  /** Settles with the reason when the device is lost. */
  readonly lost: Promise<string>;
  private readonly segments: SegmentModel;
  /** The same where runs are recorded and replayed: on WebGPU. */
  private readonly replay: ReplayingModel | null;
  /** What outputs are, of those that are scores. */
  private readonly exits: ReadonlyMap<string, OutputKind>;
  private readonly device: DeviceWatch;
  /** What has happened to the device since it last proved that it computes; null: nothing. */
  private doubt: string | null = null;
  /** Segments that gave constants, and rightly so. */
  private readonly constant = new Set<string>();
  private readonly closing = new AbortController();
  private slowdown: number;
  private readonly fastest = new Map<string, number>();
  private last: Promise<unknown> = Promise.resolve();

  /** @param slowdown 1 or more: every run takes this many times as long, to stand for a slower phone */
  constructor(model: Model, backend: Backend, slowdown: number) {
    this.replay =
      backend === "webgpu" && canReplay()
        ? new ReplayingModel(model, {
            later: (job) => {
              this.exclusively(HUNG_MS, job).catch(warn("recording"));
            },
            tell: (message) => console.warn(message),
          })
        : null;
    this.segments = this.replay ?? new SegmentModel(model);
    this.backend = backend;
    this.slowdown = slowdown;
    this.exits = new Map(model.metadata.exits.map((exit) => [exit.node, outputKind(exit)]));
    this.device = watchDevice(backend, (reason) => {
      this.doubt = reason;
      this.constant.clear();
      freely(() => this.replay?.doubt());
    });
    this.lost = this.device.lost;
  }

  /** Gives up: what is under way and all that is asked later fails for this reason. The device may be gone. */
  close(reason: EddiError): void {
    this.closing.abort(reason);
    freely(() => this.segments.dispose());
  }

  /** Every run takes this many times as long from now on, 1 or more. */
  setSlowdown(slowdown: number): void {
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
   * @param signal of whom the result is for: what was not begun by then is left
   * @throws the signal's reason; EddiError `internal` when the device has failed, said so or not
   */
  run(
    segment: Segment,
    feeds: ReadonlyMap<string, TensorValues | Tensor>,
    read: readonly string[],
    signal?: AbortSignal,
  ): Promise<EngineRun> {
    return this.exclusively(RUN_HUNG_MS * this.slowdown, async () => {
      signal?.throwIfAborted();
      const start = performance.now();
      const own: Tensor[] = [];
      const inputs = segment.feeds.map((name) => {
        const feed = feeds.get(name)!;
        if (!("values" in feed)) return feed;
        own.push(tensor(feed.values, [...feed.shape], "float32"));
        return own.at(-1)!;
      });
      let outputs: Tensor[] = [];
      const compute = async (): Promise<Pick<EngineRun, "held" | "values">> => {
        outputs = this.segments.run(segment, inputs);
        const held = new Map(segment.outputs.map((name, at) => [name, outputs[at]!]));
        const values = await Promise.all(
          read.map(async (name) => {
            const output = held.get(name)!;
            return { shape: output.shape, values: (await output.data()) as Float32Array };
          }),
        );
        return { held, values };
      };
      try {
        let { held, values } = await compute();
        if (this.doubt !== null && this.replay !== null) {
          // A replay may be what is at fault. Now TF.js runs.
          dispose(outputs);
          ({ held, values } = await compute());
        }
        await this.check(segment, read, values);
        await this.slowDown(keyOf(segment), start);
        return { held, values, ms: performance.now() - start };
      } catch (thrown) {
        freely(() => dispose(outputs));
        throw thrown;
      } finally {
        freely(() => dispose(own));
      }
    });
  }

  /**
   * Makes the first real run of a segment as fast as all others: compiles shaders, uploads weights.
   * WebGPU compiles all pipelines at once, without running anything.
   */
  warmUp(segment: Segment): Promise<void> {
    return this.exclusively(HUNG_MS, async () => {
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
        this.checkDevice();
      } finally {
        freely(() => dispose(feeds));
      }
    });
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
    return this.exclusively(HUNG_MS, async () => {
      const result = await job(this.segments);
      this.checkDevice();
      return result;
    });
  }

  /** @throws EddiError `internal` when these cannot be the results */
  private async check(
    segment: Segment,
    read: readonly string[],
    values: readonly TensorValues[],
  ): Promise<void> {
    this.checkDevice();
    for (const [at, name] of read.entries()) {
      const fault = faultOf(values[at]!.values, this.exits.get(name) ?? null);
      if (fault !== null) throw this.failure(`${name}: ${fault}`);
    }
    const key = keyOf(segment);
    const isStrange = values.some((one) => isConstant(one.values)) && !this.constant.has(key);
    if (this.doubt === null && !isStrange) return;
    await this.prove(this.doubt ?? "it gave one and the same value everywhere");
    if (isStrange) this.constant.add(key);
  }

  /** Has the reference net computed again, whose right results are known. */
  private async prove(doubt: string): Promise<void> {
    const { ok, maxError } = await selfTest(() => performance.now(), 1);
    this.checkDevice();
    if (!ok) throw this.failure(`${doubt}; its self-test is wrong by ${maxError.toPrecision(2)}`);
    this.doubt = null;
  }

  private checkDevice(): void {
    const fault = this.device.fault();
    if (fault !== null) throw this.failure(fault);
  }

  private failure(what: string): EddiError {
    return new EddiError("internal", `${this.backend}: ${what}`);
  }

  /** @returns the fastest time of this kind so far */
  private noteTime(key: string, ms: number): number {
    const fastest = Math.min(ms, this.fastest.get(key) ?? ms);
    this.fastest.set(key, fastest);
    return fastest;
  }

  private exclusively<T>(limitMs: number, job: () => Promise<T>): Promise<T> {
    const { signal } = this.closing;
    const result = this.last.then(() => {
      signal.throwIfAborted();
      return orAborted(within(limitMs, this.backend, job()), signal);
    });
    this.last = result.catch(() => {});
    return result;
  }
}

const keyOf = ({ feeds, nodes }: Segment): string => `${feeds}>${nodes.length}>${nodes.at(-1)}`;

export function release(held: Held): void {
  freely(() => dispose([...held.values()].filter((one) => !one.isDisposed)));
}

/** Frees something, as far as its device lets it: with a device its memory is gone. */
function freely(free: () => void): void {
  try {
    free();
  } catch (thrown) {
    warn("freeing")(thrown);
  }
}

const warn =
  (what: string) =>
  (thrown: unknown): void =>
    console.warn(`${what}: ${toEddiError(thrown).message}`);

/** What we use of TF.js' WebGPU backend beyond the common interface. */
interface WebgpuBackend {
  checkCompileCompletionAsync(): Promise<void>;
}

/** Timers are late by milliseconds, so the last of them are spent spinning. */
async function pause(ms: number): Promise<void> {
  if (ms <= 0) return;
  const end = performance.now() + ms;
  if (ms > 8) await new Promise((done) => setTimeout(done, ms - 6));
  while (performance.now() < end);
}
