import { readFile } from "node:fs/promises";
import { EddiError } from "#shared/errors";
import type { OutputKind } from "#shared/model";

/**
 * Class names, one a line; empty lines at the end are none.
 *
 * @throws EddiError `not-found` without the file, `bad-argument` for an empty name
 */
export async function readLabels(file: string): Promise<readonly string[]> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new EddiError("not-found", `--labels: expected a file, got none at ${file}`, { cause });
  });
  const lines = text
    .replace(/^\uFEFF/, "")
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => line.trim());
  const empty = lines.indexOf("");
  if (empty < 0) return lines;
  throw new EddiError(
    "bad-argument",
    `--labels: expected a name on every line, got none on line ${empty + 1}`,
  );
}

/**
 * @param width scores of an image
 * @returns a name for each score; for one that tells two labels apart, two
 * @throws EddiError `bad-argument` when there are more or fewer names than scores
 */
export function labelsFor(
  names: readonly string[] | null,
  width: number,
  output: OutputKind,
): readonly string[] {
  if (names === null) return Array.from({ length: width }, (_, at) => `${CALLED[output]} ${at}`);
  const isChoice = output === "sigmoid" && width === 1 && names.length === 2;
  if (names.length === width || isChoice) return names;
  const or = output === "sigmoid" && width === 1 ? ", or 2 for what 0 and 1 mean" : "";
  throw new EddiError(
    "bad-argument",
    `--labels: expected ${width} names, one for each score${or}, got ${names.length}`,
  );
}

/** What scores are called whose names were not given. */
const CALLED: Readonly<Record<OutputKind, string>> = {
  softmax: "class",
  logits: "class",
  sigmoid: "label",
  embedding: "dimension",
  vector: "value",
};
