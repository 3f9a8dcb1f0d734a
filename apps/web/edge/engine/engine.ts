import { backend as activeBackend, dispose, env, type Tensor, tensor, zeros } from "@tensorflow/tfjs-core";
import { EddiError } from "#shared/errors";
import { type Model, type OutputKind, outputKind, partsOf, type Segment, type Shard } from "#shared/model";
import { nodeWork, workUnits } from "#shared/profile";
import {
  canReplay,
  ReplayingModel,
  SegmentModel,
  type SegmentRunner,
  selfTest,
  type TensorValues,
} from "#shared/runtime";
import type { Backend } from "../../talk/edge.ts";
import { orAborted, within } from "../../talk/within.ts";
import { faultOf, isConstant } from "./check-results.ts";
import { type DeviceWatch, watchDevice } from "./device-watch.ts";
import { freely, type Held, warn } from "./held.ts";
import { turn } from "./turn.ts";

/** A compilation or a measurement that takes longer is taken for a hung GPU. */
const HUNG_MS = 60_000;
/** A run of what is warm that takes longer, slow-down not counted. */
const RUN_HUNG_MS = 20_000;

/** What may run segments in TF.js' stead. */
export interface Faster extends SegmentRunner {
  dispose(): void;
}

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
  /** What runs segments before TF.js does; null where nothing else does. */
  private before: Faster | null = null;
  /** What outputs are, of those that are scores. */
  private readonly exits: ReadonlyMap<string, OutputKind>;
  private readonly device: DeviceWatch;
  /** What has happened to the device since it last proved that it computes; null: nothing. */
  private doubt: string | null = null;
  /** Segments that gave constants, and rightly so. */
  private readonly constant = new Set<string>();
  private readonly closing = new AbortController();
  /** By node, to cut up runs by. */
  private readonly work: ReadonlyMap<string, number>;
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
    this.work = new Map(nodeWork(model).map((work, at) => [model.dag.names[at]!, workUnits(work)]));
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
    freely(() => this.before?.dispose());
    freely(() => this.segments.dispose());
  }

  /** Has segments run by this from now on, which falls back to TF.js by itself; null: by TF.js. It ends with the engine. */
  runBy(before: Faster | null): void {
    this.before = before;
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
   * @param count  of parts that it runs in: after each the worker sees what has come, and the signal
   * @throws the signal's reason; EddiError `internal` when the device has failed, said so or not
   */
  run(
    segment: Segment,
    feeds: ReadonlyMap<string, TensorValues | Tensor>,
    read: readonly string[],
    signal?: AbortSignal,
    count = 1,
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
      const parts = partsOf(this.segments.model, segment, count, (name) => this.work.get(name) ?? 0);
      let outputs: Tensor[] = [];
      const compute = async (): Promise<Pick<EngineRun, "held" | "values">> => {
        outputs =
          parts.length === 1
            ? await (this.before ?? this.segments).run(segment, inputs)
            : await this.runParts(parts, segment, inputs, signal);
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
        // Parts were slowed down one by one.
        if (parts.length === 1) await this.slowDown(keyOf(segment), start);
        return { held, values, ms: performance.now() - start };
      } catch (thrown) {
        freely(() => dispose(outputs));
        throw thrown;
      } finally {
        freely(() => dispose(own));
      }
    });
  }

  /** @returns the segment's outputs; nothing else is left behind */
  private async runParts(
    parts: readonly Segment[],
    segment: Segment,
    inputs: readonly Tensor[],
    signal: AbortSignal | undefined,
  ): Promise<Tensor[]> {
    const known = new Map(segment.feeds.map((name, at) => [name, inputs[at]!]));
    const made = new Map<string, Tensor>();
    // Of a run as a whole, before: steadier than those of its parts, which may never have run.
    const wholeMs = this.fastest.get(keyOf(segment));
    const begunMs = performance.now();
    let done = 0;
    let outputs: Tensor[] = [];
    try {
      for (const [at, part] of parts.entries()) {
        if (at > 0) {
          await turn();
          signal?.throwIfAborted();
        }
        const start = performance.now();
        const results = await (this.before ?? this.segments).run(
          part,
          part.feeds.map((name) => known.get(name)!),
        );
        for (const [place, name] of part.outputs.entries()) {
          known.set(name, results[place]!);
          made.set(name, results[place]!);
        }
        const later = new Set([...parts.slice(at + 1).flatMap(({ feeds }) => feeds), ...segment.outputs]);
        for (const [name, tensor] of made) {
          if (later.has(name)) continue;
          tensor.dispose();
          made.delete(name);
        }
        done += part.nodes.length;
        if (wholeMs === undefined) await this.slowDown(keyOf(part), start);
        else if (this.slowdown > 1) {
          const dueMs = (this.slowdown * wholeMs * done) / segment.nodes.length;
          await pause(begunMs + dueMs - performance.now());
        }
      }
      outputs = segment.outputs.map((name) => made.get(name) ?? known.get(name)!.clone());
      return outputs;
    } finally {
      freely(() => dispose([...made.values()].filter((tensor) => !outputs.includes(tensor))));
    }
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
        await this.before?.prepare(segment);
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
  measure<T>(job: (segments: SegmentRunner) => Promise<T>): Promise<T> {
    return this.exclusively(HUNG_MS, async () => {
      const result = await job(this.before ?? this.segments);
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
