import { readFile } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import { TRACE_FORMATS } from "./formats.ts";
import type { Trace } from "./trace.ts";
import type { TraceFormat } from "./trace-format.ts";
import { type Line, linesOf, refuse } from "./trace-text.ts";

/** For `--format` and its errors: first words of the formats' folders. */
export const FORMAT_NAMES: readonly string[] = TRACE_FORMATS.flatMap(({ folders }) =>
  folders.map(firstWord),
).sort();

/**
 * Reads a trace of any of the formats.
 *
 * @param named  as `--format` gives it; without it folder, ending or content tell, where these are certain
 * @throws EddiError `not-found` without a file, `bad-argument` with file and line for what is no trace
 */
export async function readTrace(file: string, named?: string): Promise<Trace> {
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    const came = cause.code === "ENOENT" ? "none" : cause.message;
    throw new EddiError("not-found", `expected a trace at ${file}, got ${came}`, { cause });
  });
  return parseTrace(file, text, named);
}

/** The same of a file's text. */
export function parseTrace(file: string, text: string, named?: string): Trace {
  const lines = linesOf(file, text);
  const format = named === undefined ? formatOf(file, lines[0]!) : formatNamed(named);
  const { steps, rtt, direction } = format.read(lines);
  if (!steps.some(({ bps }) => bps > 0)) {
    refuse(lines.at(-1)!, "some bandwidth above 0 up to here", "none in the whole file");
  }
  const folder = path.basename(path.dirname(path.resolve(file)));
  return {
    name: `${folder}/${path.basename(file)}`,
    format: format.folders[0]!,
    direction,
    durationMs: steps.reduce((sum, { durationMs }) => sum + durationMs, 0),
    steps,
    rtt: rtt?.length ? rtt : null,
  };
}

function formatNamed(named: string): TraceFormat {
  const found = TRACE_FORMATS.find(({ folders }) =>
    folders.some((folder) => named === folder || named === firstWord(folder)),
  );
  if (found !== undefined) return found;
  throw new EddiError("bad-argument", `--format: expected one of ${FORMAT_NAMES.join(", ")}, got ${named}`);
}

function formatOf(file: string, first: Line): TraceFormat {
  const parents = path.dirname(path.resolve(file)).split(path.sep).reverse();
  for (const parent of parents) {
    const found = TRACE_FORMATS.find(({ folders }) => folders.includes(parent));
    if (found !== undefined) return found;
  }
  const ending = path.extname(file);
  const found =
    TRACE_FORMATS.find(({ endings }) => endings.includes(ending)) ??
    TRACE_FORMATS.find((format) => format.isSurely(first));
  if (found !== undefined) return found;
  const known = FORMAT_NAMES.join(", ");
  return refuse(first, `a line that tells the trace's format (--format names it: ${known})`, first.text);
}

function firstWord(folder: string): string {
  return folder.split("-")[0]!;
}
