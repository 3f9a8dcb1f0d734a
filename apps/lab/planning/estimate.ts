import { EddiError } from "#shared/errors";
import { FIRST_GUESS, Link, type LinkSample } from "#shared/network";

/** What is known of a link after one more request. */
export interface EstimateLine {
  readonly rttMs: number;
  readonly uplinkBps: number;
  /** Quantiles of its time on the network as foreseen; null for the first. */
  readonly predictedMs: { readonly p025: number; readonly p50: number; readonly p975: number } | null;
}

export function estimateLines(samples: readonly LinkSample[]): readonly EstimateLine[] {
  const link = Link.start(FIRST_GUESS);
  return samples.map((sample, at) => {
    const [p025, p50, p975] = link.predict(sample.tMs, sample.bytes, [0.025, 0.5, 0.975]);
    link.observe(sample);
    const { rttMs, uplinkBps } = link.estimate();
    return { rttMs, uplinkBps, predictedMs: at === 0 ? null : { p025: p025!, p50: p50!, p975: p975! } };
  });
}

const FIELDS = ["tMs", "bytes", "elapsedMs", "serverMs"] as const satisfies (keyof LinkSample)[];

/**
 * Reads newline-delimited samples; empty lines are passed over.
 *
 * @throws EddiError `bad-argument` with the line, counted from 1, and the field
 */
export function readSamples(text: string): readonly LinkSample[] {
  const samples = text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .flatMap((line, at) => (line.trim() === "" ? [] : [readSample(line, at + 1)]));
  if (samples.length === 0)
    throw new EddiError("bad-argument", "line 1: expected a sample, got an empty file");
  return samples;
}

function readSample(line: string, number: number): LinkSample {
  const value = parse(line, number);
  for (const field of FIELDS) {
    const got = value[field];
    if (typeof got === "number" && Number.isFinite(got) && got >= 0) continue;
    const shown =
      got === undefined
        ? "nothing"
        : typeof got === "number"
          ? String(got)
          : JSON.stringify(got).slice(0, 40);
    throw new EddiError(
      "bad-argument",
      `line ${number}, ${field}: expected a finite number, 0 or above, got ${shown}`,
    );
  }
  const { tMs, bytes, elapsedMs, serverMs } = value as unknown as LinkSample;
  if (elapsedMs < serverMs) {
    throw new EddiError(
      "bad-argument",
      `line ${number}, elapsedMs: expected serverMs (${serverMs}) or more, got ${elapsedMs}`,
    );
  }
  return { tMs, bytes, elapsedMs, serverMs };
}

function parse(line: string, number: number): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new EddiError(
      "bad-argument",
      `line ${number}: expected JSON, got ${JSON.stringify(line.slice(0, 40))}`,
    );
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new EddiError(
    "bad-argument",
    `line ${number}: expected an object, got ${JSON.stringify(value).slice(0, 40)}`,
  );
}
