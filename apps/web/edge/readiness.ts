import { type EddiError, toEddiError } from "#shared/errors";
import { allEdge, type Model, type Plan, type Shard, shardsFor, splitPlan } from "#shared/model";
import type { Engine } from "./engine.ts";

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
  private readonly fallback: Plan;
  private wanted: Plan | null = null;
  /** Plans that failed, not to be tried again before their time. */
  private readonly retryAt = new Map<string, number>();
  private readonly lifetime = new AbortController();
  private running: Promise<void> | null = null;

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
   * Makes a plan's head ready now.
   *
   * @throws EddiError when weights cannot be had or no backend works
   */
  async prepare(plan: Plan, signal: AbortSignal): Promise<void> {
    if (this.isReady(plan.head)) return;
    const { model, load, onReady } = this.options;
    const engine = await this.options.engine();
    if (engine === null) throw toEddiError("no TF.js backend works on this device", "unavailable");
    await load(shardsFor(model, plan.head), signal);
    signal.throwIfAborted();
    await engine.warmUp(splitPlan(model, plan).head, model.nodes[0]!.tensor.shape);
    for (const name of plan.head) this.ready.add(name);
    onReady(this.ready);
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
      const key = keyOf(plan);
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
      plan !== null && !this.isReady(plan.head) && (this.retryAt.get(keyOf(plan)) ?? 0) <= performance.now();
    return [this.fallback, this.wanted].find(open) ?? null;
  }
}

function keyOf(plan: Plan): string {
  return plan.head.join();
}
