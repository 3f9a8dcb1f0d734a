import path from "node:path";
import { EddiError } from "#shared/errors";
import type { Model } from "#shared/model";
import { randomFor, shuffled } from "#shared/random";
import type { Photos } from "../data/photos.ts";
import type { StatusLine } from "../terminal/status-line.ts";
import { loadTensors, saveTensors } from "../train/checkpoint.ts";
import type { NamedValues } from "../train/weights.ts";
import type { Span } from "./cut.ts";
import type { CodecLearner, StepResult } from "./learner.ts";
import { type CodecRecipe, phaseAt } from "./recipe.ts";

/** Where a training stands. */
export interface CodecCheckpoint {
  readonly model: string;
  readonly span: Span;
  readonly recipe: CodecRecipe;
  /** Photos that it trains on: their order depends on it. */
  readonly photos: number;
  /** Steps that are done. */
  readonly step: number;
  /** How long they took. */
  readonly elapsedMs: number;
  readonly tensors: readonly NamedValues[];
}

export interface CodecRun {
  readonly model: Model;
  readonly span: Span;
  readonly recipe: CodecRecipe;
  readonly photos: Photos;
  /** Where checkpoints go. */
  readonly folder: string;
  readonly from: CodecCheckpoint | null;
  readonly status: StatusLine;
  readonly signal?: AbortSignal;
}

export interface CodecRunResult {
  /** False when the signal stopped it. */
  readonly finished: boolean;
  /** Steps and minutes of all runs. */
  readonly step: number;
  readonly minutes: number;
}

const CHECKPOINT_INTERVAL_MS = 120_000;
/** Steps from one note of how it goes to the next. */
const NOTED = 50;

export const loadCodecCheckpoint = (folder: string): Promise<CodecCheckpoint | null> =>
  loadTensors<CodecCheckpoint>(path.join(folder, "last.ckpt"));

/**
 * Trains both nets of a codec, with a checkpoint every few minutes. Order and views of the photos depend on the seed and
 * the step alone; how far training is, of one whose length is in minutes, on the time that all its runs took.
 *
 * @throws EddiError `bad-argument` when the checkpoint is another training's or with fewer photos than a batch, `internal`
 *   when the loss diverges
 */
export async function trainCodec(learner: CodecLearner, run: CodecRun): Promise<CodecRunResult> {
  const { recipe, photos, status, from } = run;
  const { batch, seed, length } = recipe;
  const steps = Math.floor(photos.count / batch);
  if (steps === 0) {
    throw new EddiError("bad-argument", `expected at least ${batch} photos, a batch, got ${photos.count}`);
  }
  if (from !== null) {
    checkSameTraining(from, run);
    learner.write(from.tensors);
    status.note(`resumed at step ${from.step}`);
  }
  let step = from?.step ?? 0;
  const startedMs = performance.now() - (from?.elapsedMs ?? 0);
  const elapsedMs = (): number => performance.now() - startedMs;
  const doneNow = (): number =>
    "minutes" in length ? elapsedMs() / 60_000 / length.minutes : step / (steps * length.epochs);
  const result = (finished: boolean): CodecRunResult => ({ finished, step, minutes: elapsedMs() / 60_000 });
  const save = (): Promise<void> => {
    const facts = { model: run.model.metadata.id, span: run.span, recipe, photos: photos.count };
    const state = { ...facts, step, elapsedMs: elapsedMs(), tensors: learner.read() };
    return saveTensors(path.join(run.folder, "last.ckpt"), state);
  };
  const pace = paceOf(batch);
  let savedMs = performance.now();
  for (let done = doneNow(); done < 1; done = doneNow()) {
    const epoch = Math.floor(step / steps);
    const order = shuffled(photos.count, randomFor(seed, 0, epoch));
    const place = (step % steps) * batch;
    const picked = order.subarray(place, place + batch);
    const told = learner.train(photos, picked, { epoch, step }, phaseAt(recipe, done, step));
    if (!Number.isFinite(told.loss)) {
      throw new EddiError("internal", `training diverged in step ${step + 1}: loss ${told.loss}`);
    }
    step++;
    const where = `${(100 * done).toFixed(1)} %, step ${step}, epoch ${epoch + 1}`;
    pace(told, (text, isNoted) => status[isNoted ? "note" : "update"](`${where}: ${text}`));
    // Lets signals in: a step blocks the event loop.
    await new Promise(setImmediate);
    const isStopped = run.signal?.aborted ?? false;
    if (isStopped || performance.now() - savedMs > CHECKPOINT_INTERVAL_MS) {
      await save();
      savedMs = performance.now();
    }
    if (isStopped) return result(false);
  }
  await save();
  return result(true);
}

/** Tells of steps, with the means since the last one that was noted. */
function paceOf(batch: number) {
  let results: StepResult[] = [];
  let startedMs = performance.now();
  return (result: StepResult, tell: (text: string, isNoted: boolean) => void): void => {
    results.push(result);
    const mean = (of: keyof StepResult): number =>
      results.reduce((sum, one) => sum + one[of], 0) / results.length;
    const speed = (1000 * batch * results.length) / (performance.now() - startedMs);
    const isNoted = results.length === NOTED;
    const loss = `${mean("bytes").toFixed(0)} bytes, error ${mean("error").toFixed(3)}, divergence ${mean("divergence").toFixed(4)}`;
    tell(`${loss}, ${speed.toFixed(0)} images/s`, isNoted);
    if (!isNoted) return;
    results = [];
    startedMs = performance.now();
  };
}

function checkSameTraining(saved: CodecCheckpoint, { model, span, recipe, photos }: CodecRun): void {
  // How long it trains may change.
  const { length: _, ...was } = { ...saved.recipe, ...saved.span, model: saved.model, photos: saved.photos };
  const now = { ...recipe, ...span, model: model.metadata.id, photos: photos.count };
  for (const [key, value] of Object.entries(was)) {
    const came = now[key as keyof typeof now];
    if (JSON.stringify(came) === JSON.stringify(value)) continue;
    throw new EddiError(
      "bad-argument",
      `to resume: expected ${key} ${JSON.stringify(value)} as in the checkpoint, got ${JSON.stringify(came)}`,
    );
  }
}
