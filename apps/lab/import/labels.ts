import { readFile } from "node:fs/promises";
import { EddiError } from "#shared/errors";

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

/** @throws EddiError `bad-argument` when there are more or fewer names than classes */
export function labelsFor(names: readonly string[] | null, classes: number): readonly string[] {
  if (names === null) return Array.from({ length: classes }, (_, at) => `class ${at}`);
  if (names.length === classes) return names;
  throw new EddiError(
    "bad-argument",
    `--labels: expected ${classes} names, one for each score, got ${names.length}`,
  );
}
