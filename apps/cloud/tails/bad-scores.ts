import { EddiError } from "#shared/errors";

/** Scores that are no numbers although the tensors were in order: the engine, or the model, is at fault. */
export function badScores(name: string, value: number): EddiError {
  return new EddiError("bad-scores", `${name}: expected finite scores of the engine, got ${value}`);
}
