import type { Tensor } from "@tensorflow/tfjs-core";
import { toEddiError } from "#shared/errors";

/** Tensors on the backend's device, by node name. */
export type Held = ReadonlyMap<string, Tensor>;

export function release(held: Held): void {
  for (const tensor of held.values()) {
    if (!tensor.isDisposed) freely(() => tensor.dispose());
  }
}

/** Frees something, as far as its device lets it: with a device its memory is gone. */
export function freely(free: () => void): void {
  try {
    free();
  } catch (thrown) {
    warn("freeing")(thrown);
  }
}

export const warn =
  (what: string) =>
  (thrown: unknown): void =>
    console.warn(`${what}: ${toEddiError(thrown).message}`);
