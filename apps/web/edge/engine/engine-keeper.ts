import { EddiError, toEddiError } from "#shared/errors";
import type { Model } from "#shared/model";
import type { Traffic } from "../../service/traffic.ts";
import type { Backend, EdgeSettings, EngineReport } from "../../talk/edge.ts";
import type { Chosen } from "./choose-backend.ts";
import type { Engine } from "./engine.ts";
import { loadEngines } from "./load-engines.ts";

export interface EngineKeeperOptions {
  readonly settings: Pick<EdgeSettings, "backend" | "avoid" | "slowdown">;
  readonly traffic: Traffic;
  /** Another engine, or none: nothing is warm, and no weights are there. */
  readonly onEngine: (report: EngineReport) => void;
  readonly onLost: (backend: Backend, message: string) => void;
  readonly onProblem: (error: EddiError) => void;
  /** Settles when no image is under way. */
  readonly idle: () => Promise<void>;
  /** Whether the engine can be spared: nobody waits, and the cloud would answer. */
  readonly isSpare: () => boolean;
  /** How long a lost backend rests before it is tried again. */
  readonly retryMs?: number;
}

/** A backend that is lost so often is not tried again. */
const LOSSES = 2;
const RETRY_MS = 20_000;

/**
 * The edge's engine: chosen, and replaced when it fails. The one in its place needs no network: WASM is kept at hand.
 * A backend that was lost once may do it later, when nobody waits.
 */
export class EngineKeeper {
  private readonly options: EngineKeeperOptions;
  private readonly model: Model;
  private readonly losses = new Map<Backend, number>();
  private engine: Engine | null = null;
  private choosing: Promise<Engine | null>;
  private tried: EngineReport["tried"] = [];
  private selfTest: number | null = null;
  /** Beside what the settings say. */
  private simulatedSlowdown = 1;

  /** @param choosing the first one, which may have begun before the model was there */
  constructor(model: Model, options: EngineKeeperOptions, choosing: Promise<Chosen>) {
    this.options = options;
    this.model = model;
    this.choosing = this.start(choosing);
  }

  /** Null while one is chosen, at first and after one was lost, and when none works. */
  get current(): Engine | null {
    return this.engine;
  }

  /** This device's time of the reference net, slow-down included. */
  get selfTestMs(): number | null {
    return this.selfTest;
  }

  /** The engine, once one is chosen; null when none works. */
  async chosen(): Promise<Engine | null> {
    for (let choosing = this.choosing; ; choosing = this.choosing) {
      const engine = await choosing;
      if (choosing === this.choosing) return engine;
    }
  }

  /** Makes this engine, and those in its place, so many times as slow beside what the settings say. */
  slowDown(times: number): void {
    this.simulatedSlowdown = times;
    this.engine?.setSlowdown(times * this.options.settings.slowdown);
  }

  /** Replaces an engine that has failed; one that is replaced already stays so. */
  lose(lost: Engine, message: string): void {
    if (this.engine !== lost) return;
    const { backend } = lost;
    this.engine = null;
    this.losses.set(backend, (this.losses.get(backend) ?? 0) + 1);
    lost.close(new EddiError("unavailable", message));
    this.choosing = this.start(this.chooseAfter(backend));
    this.options.onLost(backend, message);
    if (this.losses.get(backend)! < LOSSES) this.tryLater();
  }

  /** Makes WASM ready to take over, where it was not tried. */
  async keepReserve(): Promise<void> {
    await this.chosen();
    await this.options.idle();
    if (this.engine === null) return;
    const { keepReserve } = await loadEngines();
    await keepReserve({ tried: this.tried }, this.options.traffic);
  }

  private tryLater(): void {
    setTimeout(() => this.tryAgain(), this.options.retryMs ?? RETRY_MS);
  }

  /** Chooses among all that may still do it; images that come meanwhile go to the cloud. */
  private async tryAgain(): Promise<void> {
    await this.chosen();
    if (!this.options.isSpare()) return this.tryLater();
    const before = this.engine;
    const tooOften = [...this.losses].filter(([, count]) => count >= LOSSES).map(([backend]) => backend);
    this.engine = null;
    // Not while something is measured or warmed up: the backend is one for all.
    const choosing = before === null ? this.choose(tooOften) : before.measure(() => this.choose(tooOften));
    this.choosing = this.start(choosing, before);
  }

  private async chooseAfter(lost: Backend): Promise<Chosen> {
    const { endBackend } = await loadEngines();
    endBackend(lost);
    return this.choose([...this.losses.keys()]);
  }

  private async choose(lost: readonly Backend[]): Promise<Chosen> {
    const { settings, traffic } = this.options;
    const { backend, avoid } = settings;
    const { chooseBackend } = await loadEngines();
    return chooseBackend({ backend, avoid: [...avoid, ...lost], traffic });
  }

  /** @param before taken again when its backend is chosen once more */
  private async start(choosing: Promise<Chosen>, before: Engine | null = null): Promise<Engine | null> {
    const { settings, onEngine, onProblem } = this.options;
    const { slowdown } = settings;
    try {
      const { backend, medianMs, tried } = await choosing;
      const { Engine } = await loadEngines();
      if (backend !== null && backend === before?.backend) {
        this.engine = before;
        return before;
      }
      this.tried = tried;
      before?.close(new EddiError("unavailable", "another engine is faster"));
      this.selfTest = medianMs === null ? null : medianMs * slowdown;
      this.engine = backend === null ? null : new Engine(this.model, backend, slowdown);
      this.slowDown(this.simulatedSlowdown);
      const { engine } = this;
      engine?.lost.then((reason) => this.lose(engine, reason));
      onEngine({ backend, runtime: "tfjs", selfTestMs: this.selfTest, slowdown, tried });
      const asked = tried.find((trial) => trial.backend === settings.backend);
      if (asked !== undefined && backend !== null && asked.backend !== backend && this.losses.size === 0) {
        const message = `backend ${asked.backend}: ${asked.detail}; ${backend} takes its place`;
        onProblem(new EddiError("unavailable", message));
      }
      if (backend === null) onProblem(new EddiError("unavailable", noBackend(tried)));
    } catch (thrown) {
      this.engine = null;
      onEngine({ backend: null, runtime: "tfjs", selfTestMs: null, slowdown, tried: [] });
      onProblem(toEddiError(thrown));
    }
    return this.engine;
  }
}

function noBackend(tried: EngineReport["tried"]): string {
  const reasons = tried.map(({ backend, detail }) => `${backend}: ${detail}`).join("; ");
  return `no TF.js backend works on this device, the cloud does everything (${reasons})`;
}
