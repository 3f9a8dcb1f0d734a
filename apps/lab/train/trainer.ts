import path from "node:path";
import type { Tensor4D } from "@tensorflow/tfjs";
import { EddiError } from "#shared/errors";
import { randomFor, shuffled } from "#shared/random";
import type { Photos } from "../data/photos.ts";
import type { Tf } from "../engine/native.ts";
import type { StatusLine } from "../terminal/status-line.ts";
import { measureAccuracy } from "./accuracy.ts";
import type { Architecture, Network } from "./architectures/index.ts";
import { type Recipe, viewsOf } from "./architectures/recipe.ts";
import { plainBatches, spread } from "./batches.ts";
import { openBoard } from "./board.ts";
import { type Checkpoint, type EpochResult, saveCheckpoint } from "./checkpoint.ts";
import type { Companion } from "./companion.ts";
import { type Learner, openLearner } from "./learner.ts";
import { recomputeNorms } from "./norms.ts";
import { paceText, percents } from "./progress.ts";
import { type StoredWeights, startFrom } from "./start-weights.ts";
import type { NamedValues } from "./weights.ts";

export interface TrainingRun {
  readonly architecture: Architecture;
  readonly recipe: Recipe;
  /** Names of the classes, as the photos number them. */
  readonly labels: readonly string[];
  readonly train: Photos;
  /** Never trained on: they tell how it is getting on. */
  readonly heldBack: Photos;
  /** Where checkpoints go. */
  readonly folder: string;
  /** Where to go on from. */
  readonly from: Checkpoint | null;
  /** What to begin with where there is nothing to go on from; random weights without it. */
  readonly start?: StoredWeights | null;
  /** What is trained along with the network. */
  readonly companionOf?: ((network: Network) => Companion) | null;
  readonly status: StatusLine;
  /** Stops after the step under way, with a checkpoint. */
  readonly signal?: AbortSignal;
}

export interface TrainingResult {
  readonly network: Network;
  readonly history: readonly EpochResult[];
  /** What `best.ckpt` holds; null before the first measurement. */
  readonly best: EpochResult | null;
  /** False when the signal stopped it. */
  readonly finished: boolean;
}

type Place = Pick<Checkpoint, "epoch" | "step">;
type Save = (place: Place) => Promise<void>;

const CHECKPOINT_INTERVAL_MS = 180_000;

/** Epochs from one measurement to the next, before the last third, where each is measured. */
const MEASURE_EVERY = 4;

/** Training photos that the statistics of the normalisations are measured on before the accuracy is. */
const NORM_PHOTOS = 512;

/**
 * Trains a network, with a checkpoint after every epoch and every few minutes, and keeps the averaged weights that
 * did best on the photos held back, see `bestOf`.
 *
 * Order and views of the photos depend on the seed and the epoch alone, so a resumed run sees what
 * the interrupted one would have seen.
 *
 * @throws EddiError `bad-argument` when the checkpoint is another run's, `internal` when the loss diverges,
 *   `unavailable` when a checkpoint cannot be written
 */
export async function train(tf: Tf, run: TrainingRun): Promise<TrainingResult> {
  const { architecture, recipe, status, from } = run;
  const learner = openLearner(tf, architecture, recipe, run.companionOf);
  const { network } = learner;
  if (from) {
    checkSameRun(from, run);
    learner.write(from.tensors);
    status.note(`resumed at epoch ${from.epoch + 1}, step ${from.step}`);
  } else if (run.start) {
    const { taken, left } = startFrom(tf, network, run.start, normBatches(tf, run));
    const others = left.length === 0 ? "" : `; random: ${left.join(", ")}`;
    status.note(`${taken.length} layers begin with the weights of ${recipe.startedFrom}${others}`);
  }
  const history = [...(from?.history ?? [])];
  const facts = {
    architecture: architecture.id,
    recipe,
    labels: run.labels,
    photos: run.train.count,
    history,
  };
  const save: Save = (place) => saveCheckpoint(run.folder, { ...facts, ...place, tensors: learner.read() });
  const best = (): EpochResult | null => bestOf(history, architecture, run.heldBack.count);
  const board = openBoard(tf, path.join(run.folder, "tensorboard"), network.exitIds);
  const result = (finished: boolean) => ({ network, history, best: best(), finished });
  let place: Place = { epoch: from?.epoch ?? 0, step: from?.step ?? 0 };
  for (; place.epoch < recipe.epochs; place = { epoch: place.epoch + 1, step: 0 }) {
    const { epoch } = place;
    const loss = await trainEpoch(run, learner, place, save);
    if (loss === null) return result(false);
    const measured = isMeasured(recipe, epoch) ? measure(tf, run, learner) : null;
    const now = { epoch, loss, accuracy: measured?.accuracy ?? null };
    history.push(now);
    await board(now);
    const top = measured ? `, top-1 of the exits ${percents(measured.accuracy)}${measured.along}` : "";
    status.note(`epoch ${epoch + 1}: loss ${loss.toFixed(3)} at ${viewsOf(recipe, epoch).size} px${top}`);
    const next = { epoch: epoch + 1, step: 0 };
    if (measured && best() === now) {
      await saveCheckpoint(run.folder, { ...facts, ...next, tensors: measured.weights }, "best");
    }
    await save(next);
  }
  return result(true);
}

function isMeasured({ epochs }: Recipe, epoch: number): boolean {
  return (epoch + 1) % MEASURE_EVERY === 0 || epoch >= Math.floor((epochs * 2) / 3);
}

/** The averaged weights, normalised anew for whole photos at full size, and how they do on the photos held back. */
function measure(
  tf: Tf,
  run: TrainingRun,
  learner: Learner,
): {
  readonly accuracy: readonly number[];
  readonly weights: readonly NamedValues[];
  /** The same as `accuracy` with what is trained along, in words. */
  readonly along: string;
} {
  const { architecture, heldBack } = run;
  const { network, companion } = learner;
  return learner.withAverages(() => {
    recomputeNorms(tf, network, normBatches(tf, run));
    const measured = () => measureAccuracy(tf, network, heldBack, architecture.size).accuracy;
    const along = companion?.within(() => `, ${companion.summary()} ${percents(measured())}`) ?? "";
    return { accuracy: measured(), weights: learner.readWeights(), along };
  });
}

/** Whole training photos at full size. */
function normBatches(tf: Tf, { architecture, train: photos }: TrainingRun): Iterable<Tensor4D> {
  return plainBatches(tf, photos, spread(photos.count, NORM_PHOTOS), architecture.size);
}

/** Mean accuracy over the exits, each with its weight in the loss. */
function scoreOf(accuracy: readonly number[], { exitWeights }: Pick<Architecture, "exitWeights">): number {
  const total = exitWeights.reduce((sum, weight) => sum + weight, 0);
  return accuracy.reduce((sum, share, exit) => sum + share * (exitWeights[exit] as number), 0) / total;
}

/**
 * The latest of those that did as well as the best one within a standard error: that of a few hundred photos is a point,
 * and a schedule that ends at a rate of zero ends near its best weights.
 *
 * @param photos that it was measured on
 */
export function bestOf(
  history: readonly EpochResult[],
  architecture: Pick<Architecture, "exitWeights">,
  photos: number,
): EpochResult | null {
  const scored = history.flatMap((one) =>
    one.accuracy === null ? [] : [{ one, score: scoreOf(one.accuracy, architecture) }],
  );
  const most = Math.max(...scored.map(({ score }) => score));
  const error = Math.sqrt((most * (1 - most)) / photos);
  return scored.findLast(({ score }) => score >= most - error)?.one ?? null;
}

/** @returns the mean loss over the steps, or null when the signal stopped it */
async function trainEpoch(
  run: TrainingRun,
  learner: Learner,
  from: Place,
  save: Save,
): Promise<number | null> {
  const { recipe, train: photos } = run;
  const { epoch } = from;
  const order = shuffled(photos.count, randomFor(recipe.seed, 0, epoch));
  const steps = Math.floor(photos.count / recipe.batch);
  const startedMs = performance.now();
  let savedMs = startedMs;
  let lossSum = 0;
  for (let step = from.step; step < steps; step++) {
    const picked = order.subarray(step * recipe.batch, (step + 1) * recipe.batch);
    const loss = learner.train({ photos, picked, epoch, step, steps });
    if (!Number.isFinite(loss)) {
      throw new EddiError(
        "internal",
        `training diverged in epoch ${epoch + 1}, step ${step + 1}: loss ${loss}`,
      );
    }
    lossSum += loss;
    const done = step + 1 - from.step;
    const stepSeconds = (performance.now() - startedMs) / 1000 / done;
    const pace = { loss: lossSum / done, imagesPerSecond: recipe.batch / stepSeconds };
    const secondsLeft = stepSeconds * stepsLeft(run, epoch, step + 1, steps);
    run.status.update(
      paceText({ epoch, epochs: recipe.epochs, step: step + 1, steps, ...pace, secondsLeft }),
    );
    // Lets signals in: a step blocks the event loop.
    await new Promise(setImmediate);
    const stopped = run.signal?.aborted ?? false;
    if (stopped || performance.now() - savedMs > CHECKPOINT_INTERVAL_MS) {
      await save({ epoch, step: step + 1 });
      savedMs = performance.now();
    }
    if (stopped) return null;
  }
  return lossSum / Math.max(1, steps - from.step);
}

/** Steps to go, those at a larger size counted as the longer they take. */
function stepsLeft({ recipe }: TrainingRun, epoch: number, step: number, steps: number): number {
  const area = (at: number): number => viewsOf(recipe, at).size ** 2;
  let left = steps - step;
  for (let later = epoch + 1; later < recipe.epochs; later++) left += (steps * area(later)) / area(epoch);
  return left;
}

function checkSameRun(saved: Checkpoint, { architecture, recipe, labels, train: photos }: TrainingRun): void {
  // How precisely it computes may change with the machine.
  const { precision: _, ...decisive } = saved.recipe;
  const was = {
    architecture: saved.architecture,
    labels: saved.labels,
    photos: saved.photos,
    ...decisive,
  };
  const now = { architecture: architecture.id, labels, photos: photos.count, ...recipe };
  for (const [key, value] of Object.entries(was)) {
    const came = now[key as keyof typeof now];
    if (JSON.stringify(came) === JSON.stringify(value)) continue;
    throw new EddiError(
      "bad-argument",
      `to resume: expected ${key} ${JSON.stringify(value)} as in the checkpoint, got ${JSON.stringify(came)}`,
    );
  }
}
