import { type Model, PRECISIONS, type Precision } from "#shared/model";

/** What tails are computed in: one by name; `auto` is int8 for models that lose next to nothing by it. */
export type PrecisionChoice = Precision | "auto";
export const PRECISION_CHOICES: readonly PrecisionChoice[] = [...PRECISIONS, "auto"];

/** So much top-1 may an exit lose to int8, rounding aside. */
const MOST_LOST = 0.003 + 1e-9;

/** @returns what this model is computed in; what it loses says its metadata, by `lab evaluate --precision int8 --write` */
export function precisionFor({ metadata }: Model, choice: PrecisionChoice): Precision {
  if (choice !== "auto") return choice;
  const isNear = metadata.exits.every(({ accuracy, int8, chosen, int8Chosen }) => {
    // On the photos to choose on, where both are known of them: the others report what is then lost.
    const isHalved = chosen !== undefined && int8Chosen !== undefined;
    const [before, after] = isHalved ? [chosen, int8Chosen] : [accuracy, int8];
    return before !== null && after !== undefined && before - after <= MOST_LOST;
  });
  return isNear ? "int8" : "fp32";
}
