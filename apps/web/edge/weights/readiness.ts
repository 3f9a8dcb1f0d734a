import { type EddiError, toEddiError } from "#shared/errors";
import {
  allEdge,
  detoursOf,
  everyEdgeNode,
  headRunOf,
  type Model,
  type Plan,
  type Segment,
  type Shard,
  shardsFor,
} from "#shared/model";
import type { Engine } from "../engine/engine.ts";

export interface ReadinessOptions {
  readonly model: Model;
  /** Null when no backend works, or no longer: then nothing gets ready. */
  readonly engine: () => Promise<Pick<Engine, "warmUp"> | null>;
  readonly load: (shards: readonly Shard[], signal: AbortSignal) => Promise<void>;
  readonly onReady: (nodes: ReadonlySet<string>) => void;
  readonly onProblem: (error: EddiError) => void;
  readonly retryMs?: number;
}

const RETRY_MS = 5000;

/**
 * Makes heads ready to run: their weights fetched, their kernels warm. In the background, in this order: the
 * first exit on the edge, which answers when the link is lost; then whatever head the optimizer wants.
 */
export class Readiness {
  private readonly options: ReadinessOptions;
  private readonly ready = new Set<string>();
  /** Segments that have run, by their nodes. */
  private readonly warm = new Set<string>();
  private readonly fallback: Plan;
  private wanted: Plan | null = null;
  /** Plans that failed, not to be tried again before their time. */
  private readonly retryAt = new Map<string, number>();
  private readonly lifetime = new AbortController();
  private running: Promise<void> | null = null;
  /** Counts engines. */
  private generation = 0;

  constructor(options: ReadinessOptions) {
    this.options = options;
    this.fallback = allEdge(options.model, options.model.metadata.exits[0]!.id);
    this.start();
  }

  get nodes(): ReadonlySet<string> {
    return this.ready;
  }

  isReady(nodes: readonly string[]): boolean {
    return nodes.every((name) => this.ready.has(name) || name === this.options.model.dag.names[0]);
  }

  /** Tells which plan is to get ready; the one before it is forgotten. */
  want(plan: Plan | null): void {
    this.wanted = plan;
    this.start();
  }

  /**
   * Makes a plan's head ready now, with the branches of its early exits and the encoders of its codecs, stage by stage as it
   * will run.
   *
   * @throws EddiError when weights cannot be had or no backend works
   */
  async prepare(plan: Plan, signal: AbortSignal): Promise<void> {
    if (plan.head.length <= 1) return;
    for (;;) {
      // One may be chosen just now.
      const engine = await this.options.engine();
      if (engine === null) throw toEddiError("no TF.js backend works on this device", "unavailable");
      const { generation } = this;
      try {
        return await this.prepareOn(engine, plan, signal, generation);
      } catch (thrown) {
        if (generation === this.generation || signal.aborted) throw thrown;
      }
    }
  }

  /** Begins anew: what was ready was so on an engine that is gone. */
  restart(): void {
    this.generation += 1;
    this.ready.clear();
    this.warm.clear();
    this.retryAt.clear();
    this.options.onReady(this.ready);
    this.start();
  }

  private async prepareOn(
    engine: Pick<Engine, "warmUp">,
    plan: Plan,
    signal: AbortSignal,
    generation: number,
  ): Promise<void> {
    const cold = this.coldSegments(plan);
    if (cold.length === 0) return;
    const { model, load, onReady } = this.options;
    const nodes = everyEdgeNode(model, plan);
    const isNew = !this.isReady(nodes);
    await load(shardsFor(model, nodes), signal);
    for (const segment of cold) {
      signal.throwIfAborted();
      await engine.warmUp(segment);
      if (generation !== this.generation) throw toEddiError("the engine was replaced", "unavailable");
      this.warm.add(keyOf(segment.nodes));
    }
    for (const name of nodes) this.ready.add(name);
    if (isNew) onReady(this.ready);
  }

  /** Of nodes that have run any head is warm; the way to an early exit is a segment of its own. */
  private coldSegments(plan: Plan): readonly Segment[] {
    const { model } = this.options;
    const isReady = this.isReady(everyEdgeNode(model, plan));
    if (isReady && plan.early === undefined) return [];
    const { asks, rest } = headRunOf(model, plan);
    const ways = asks.map(({ segment }) => segment);
    if (isReady) return ways.filter(({ nodes }) => !this.warm.has(keyOf(nodes)));
    const encoders = detoursOf(model, plan).map(({ encoder }) => encoder);
    return [...ways, rest, ...encoders].filter(({ nodes }) => nodes.length > 0);
  }

  /** Resolves when nothing more is being fetched or warmed up; what failed rests until its next try. */
  async settled(): Promise<void> {
    while (this.running !== null) await this.running;
  }

  close(reason: EddiError): void {
    this.lifetime.abort(reason);
  }

  private start(): void {
    this.running ??= this.work().finally(() => {
      this.running = null;
    });
  }

  private async work(): Promise<void> {
    const { signal } = this.lifetime;
    if ((await this.options.engine()) === null) return;
    for (let plan = this.next(); plan !== null && !signal.aborted; plan = this.next()) {
      const key = planKey(plan);
      try {
        await this.prepare(plan, signal);
        this.retryAt.delete(key);
      } catch (thrown) {
        if (signal.aborted) return;
        const retryMs = this.options.retryMs ?? RETRY_MS;
        this.retryAt.set(key, performance.now() + retryMs);
        setTimeout(() => this.start(), retryMs + 1);
        this.options.onProblem(toEddiError(thrown));
      }
    }
  }

  private next(): Plan | null {
    const open = (plan: Plan | null): plan is Plan =>
      plan !== null &&
      this.coldSegments(plan).length > 0 &&
      (this.retryAt.get(planKey(plan)) ?? 0) <= performance.now();
    return [this.fallback, this.wanted].find(open) ?? null;
  }
}

function planKey({ head, early = [], codecs = {} }: Plan): string {
  return keyOf([...head, ...early.map(({ exit }) => exit), JSON.stringify(codecs)]);
}

function keyOf(names: readonly string[]): string {
  return names.join();
}
