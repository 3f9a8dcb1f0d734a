import type { Tf } from "../engine/native.ts";
import type { EpochResult } from "./checkpoint.ts";

/** Writes what an epoch gave where TensorBoard reads it. */
export type Board = (result: EpochResult) => Promise<void>;

interface Callback {
  readonly onEpochEnd: (epoch: number, logs: Readonly<Record<string, number>>) => Promise<void>;
}

interface NodeTf extends Tf {
  readonly node: { readonly tensorBoard: (folder: string) => Callback };
}

/**
 * tfjs-node's own TensorBoard callback, called by hand as we do not train by `model.fit`: `tensorboard --logdir DIR`.
 *
 * @param folder gets `train` (loss) and `val` (accuracies on the photos held back)
 */
export function openBoard(tf: Tf, folder: string, exitIds: readonly string[]): Board {
  const callback = (tf as NodeTf).node.tensorBoard(folder);
  return async ({ epoch, loss, accuracy }) => {
    const exits = (accuracy ?? []).map((share, exit) => [`val_accuracy_${exitIds[exit]}`, share] as const);
    await callback.onEpochEnd(epoch, { loss, ...Object.fromEntries(exits) });
  };
}
