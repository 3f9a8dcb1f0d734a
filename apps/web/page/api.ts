import { EddiError } from "#shared/errors";
import { type CodecText, type Plan, parseCodec } from "#shared/model";
import type {
  Answer,
  Calibration,
  EngineReport,
  ModelSummary,
  ShardState,
  Timing,
} from "../edge/conversation.ts";
import type { PlanSummary } from "../optimizer/conversation.ts";
import type { Controller } from "./controller.ts";
import { CODEC_TEXTS } from "./settings.ts";
import * as store from "./store.ts";

/**
 * `globalThis.eddi`: the page for tests, researchers and the developer console. What it does is shown on the
 * page as if a user had done it.
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
  /** The slider's budget when not given. */
  readonly budgetMs?: number;
  /** Runs this plan whatever the budget; its weights are fetched first if need be. */
  readonly plan?: Plan;
  /** Of all tensors, as `?codec=` has it; the plan's when not given. */
  readonly codec?: CodecText;
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
  const answer = async (image: Blob | ImageBitmap | ImageData | Float32Array, options: EddiOptions = {}) => {
    const { signal, codec: text, ...rest } = options;
    const codec = text === undefined ? undefined : parseCodec(text);
    if (codec === null) throw new EddiError("bad-argument", `codec: expected ${CODEC_TEXTS}, got ${text}`);
    if (!(image instanceof Blob)) controller.show(null, null);
    return controller.answer(image, codec === undefined ? rest : { ...rest, codec }, signal);
  };
  return {
    ready,
    answer,
    answerValues: answer,
    time: (what) => controller.time(what),
    settle: () => controller.settle(),
    setBudget: (budgetMs) => controller.setBudget(budgetMs),
    setLoad: (framesPerSecond) => {
      if (framesPerSecond !== null && !(framesPerSecond > 0 && framesPerSecond < Infinity)) {
        throw new EddiError(
          "bad-argument",
          `framesPerSecond: expected above 0 or null, got ${framesPerSecond}`,
        );
      }
      controller.setLoad(framesPerSecond);
    },
    setMinAccuracy: (minAccuracy) => {
      if (minAccuracy !== null && !(minAccuracy >= 0 && minAccuracy <= 1)) {
        throw new EddiError("bad-argument", `minAccuracy: expected 0 to 1 or null, got ${minAccuracy}`);
      }
      controller.setMinAccuracy(minAccuracy);
    },
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
