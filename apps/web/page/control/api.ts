import type { CodecText, Plan } from "#shared/model";
import type {
  Answer,
  Calibration,
  EngineReport,
  ModelSummary,
  Provisional,
  ShardState,
  Timing,
} from "../../talk/edge.ts";
import type { PlanSummary } from "../../talk/optimizer.ts";
import {
  checkBudget,
  checkImage,
  checkLoad,
  checkMinAccuracy,
  checkOptions,
  checkTiming,
} from "../settings/check-arguments.ts";
import type { Controller } from "./controller.ts";
import * as store from "./store.ts";

/**
 * `globalThis.eddi`: the page for tests, researchers and the developer console. Answers are shown on the page, unless
 * the user has chosen something newer by then; failures are the caller's alone. What is handed in is checked: an
 * EddiError `bad-argument` says what was expected and what came.
 *
 * ```js
 * await eddi.settle();
 * const answer = await eddi.answer(await (await fetch("/samples/photos/...")).blob(), { budgetMs: 200 });
 * answer.exit, answer.cut, answer.stages, answer.totalMs
 * ```
 */
export interface EddiPage {
  /** Settles when the model is known: from then on images are answered, by the cloud at least. */
  readonly ready: Promise<void>;
  /** Answers an image by the optimizer's plan, or by one that is given. Rejects with what was wrong. */
  answer(image: Blob | ImageBitmap | ImageData, options?: EddiOptions): Promise<Answer>;
  /**
   * The same for the model's input itself.
   *
   * @param values float32 [height, width, channels], RGB or grey as the model's input is, in its range
   */
  answerValues(values: Float32Array, options?: EddiOptions): Promise<Answer>;
  /**
   * Times something on the edge's engine, so many runs in a row and without the slow-down; of a segment whose
   * weights are there.
   *
   * @returns milliseconds of one run
   */
  time(what: Timing): Promise<number>;
  /** Resolves when a backend is chosen, wanted weights are there, heads and conditions are measured, the plan is current. */
  settle(): Promise<void>;
  /** @param budgetMs 5 to 10000, as the slider has it */
  setBudget(budgetMs: number): void;
  /**
   * Plans for frames that arrive so often and overlap: `answer` may then be called before the last one has
   * settled. Null: one image at a time. `state().summary.load` tells what is sustained.
   */
  setLoad(framesPerSecond: number | null): void;
  /** Wants the fastest plan of at least this top-1, 0..1; null: the best within the budget, as always. */
  setMinAccuracy(minAccuracy: number | null): void;
  /** All that is known now; plain data. */
  state(): EddiState;
}

export interface EddiOptions {
  /** The slider's budget when not given; 1 to 100000. */
  readonly budgetMs?: number;
  /** Runs this plan whatever the budget; its weights are fetched first if need be. */
  readonly plan?: Plan;
  /** Of all tensors, as `?codec=` has it; the plan's when not given. */
  readonly codec?: CodecText;
  /**
   * Told answers that are there at once, while a better one may follow until the budget ends: of an early exit that was
   * not sure enough, or of the edge in the cloud's stead.
   */
  readonly onProvisional?: (answer: Provisional) => void;
  /** Gives the answer up: `cancelled`. */
  readonly signal?: AbortSignal;
}

export interface EddiState {
  readonly model: ModelSummary | null;
  readonly engine: EngineReport | null;
  readonly calibration: Calibration;
  readonly shards: readonly ShardState[];
  readonly loadedBytes: number;
  /** Conditions, plan for the next image, prediction, state of the cloud; null before the first plan. */
  readonly summary: PlanSummary | null;
  readonly budgetMs: number;
  readonly problems: readonly string[];
}

export function createApi(controller: Controller): EddiPage {
  const ready = controller.ready();
  ready.catch(() => {}); // Shown on the page; whoever awaits it hears of it too.
  const answer = async (image: unknown, given?: unknown): Promise<Answer> => {
    const source = checkImage(image);
    const { options, signal } = checkOptions(given);
    return controller.answer(source, options, signal);
  };
  return {
    ready,
    answer,
    answerValues: answer,
    time: async (what) => controller.time(checkTiming(what)),
    settle: () => controller.settle(),
    setBudget: (budgetMs) => controller.setBudget(checkBudget(budgetMs)),
    setLoad: (framesPerSecond) => controller.setLoad(checkLoad(framesPerSecond)),
    setMinAccuracy: (minAccuracy) => controller.setMinAccuracy(checkMinAccuracy(minAccuracy)),
    state: () => ({
      model: store.model.value,
      engine: store.engine.value,
      calibration: store.calibration.value,
      shards: store.shards.value,
      loadedBytes: store.loadedBytes.value,
      summary: store.summary.value,
      budgetMs: store.budgetMs.value,
      problems: store.problems.value.map(({ message }) => message),
    }),
  };
}

declare global {
  var eddi: EddiPage;
}
