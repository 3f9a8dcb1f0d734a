import { readFile } from "node:fs/promises";
import { EddiError } from "#shared/errors";
import type { Quantiles } from "../chance/quantiles.ts";
import { readTrace } from "../traces/read-trace.ts";
import type { RttSample } from "../traces/trace.ts";
import { amountOf, linesOf, refuse } from "../traces/trace-text.ts";
import type { RttSource } from "../world/rtt.ts";

/** What a file of RTTs may hold, for help and errors. */
export const RTT_FILES =
  'a trace with RTTs in it, lines of "seconds milliseconds", or JSON {"p":[...],"q":[...]} with quantiles in ms';

/**
 * RTTs as `--rtt` gives them: milliseconds, or a file.
 *
 * @param format of a trace, where `--format` names it
 * @throws EddiError `not-found` without a file, `bad-argument` with file and line for what holds no RTTs
 */
export async function readRtt(given: string, format?: string): Promise<RttSource> {
  const rttMs = Number(given);
  if (given.trim() !== "" && Number.isFinite(rttMs)) {
    if (rttMs >= 0) return { kind: "constant", rttMs };
    throw new EddiError("bad-argument", `--rtt: expected milliseconds of 0 or above, got ${given}`);
  }
  const text = await readFile(given, "utf8").catch((cause: NodeJS.ErrnoException) => {
    const came = cause.code === "ENOENT" ? "none" : cause.message;
    throw new EddiError("not-found", `--rtt: expected milliseconds or a file at ${given}, got ${came}`, {
      cause,
    });
  });
  if (/^\s*\{/.test(text)) return { kind: "distribution", rttMs: quantilesOf(given, text) };
  if (/^\s*[\d.]+[ \t]+[\d.]+\s*$/m.test(text) && format === undefined) return seriesOf(given, text);
  const { rtt, durationMs } = await readTrace(given, format);
  if (rtt !== null) return { kind: "series", samples: rtt, durationMs };
  throw new EddiError("bad-argument", `${given}: expected ${RTT_FILES}; got a trace without RTTs`);
}

function seriesOf(file: string, text: string): RttSource {
  const samples = linesOf(file, text).map((line): RttSample => {
    const [seconds, ms, ...rest] = line.text.split(/\s+/);
    if (rest.length > 0) refuse(line, "seconds and milliseconds", line.text);
    return { atMs: amountOf(line, "seconds", seconds, 1000), rttMs: amountOf(line, "milliseconds", ms) };
  });
  const [firstMs, lastMs] = [samples[0]!.atMs, samples.at(-1)!.atMs];
  const lines = linesOf(file, text);
  const back = samples.findIndex(({ atMs }, at) => at > 0 && atMs <= samples[at - 1]!.atMs);
  if (back > 0) refuse(lines[back]!, "a later time than on the line before", lines[back]!.text);
  const step = samples.length > 1 ? (lastMs - firstMs) / (samples.length - 1) : 1000;
  const fromZero = samples.map(({ atMs, rttMs }) => ({ atMs: atMs - firstMs, rttMs }));
  return { kind: "series", samples: fromZero, durationMs: lastMs - firstMs + step };
}

function quantilesOf(file: string, text: string): Quantiles {
  const refused = (expected: string): never => {
    throw new EddiError("bad-argument", `${file}: expected ${expected}, got ${text.trim().slice(0, 80)}`);
  };
  let value: Partial<Record<"p" | "q", unknown>>;
  try {
    value = JSON.parse(text);
  } catch {
    return refused("JSON of quantiles");
  }
  const rises = (list: unknown, most: number): list is number[] =>
    Array.isArray(list) &&
    list.length > 0 &&
    list.every(
      (one, at) => Number.isFinite(one) && one >= 0 && one <= most && (at === 0 || one >= list[at - 1]),
    );
  const { p, q } = value;
  const isRight = rises(p, 1) && rises(q, Number.MAX_VALUE) && p.length === q.length && q[0]! > 0;
  return isRight ? { p, q } : refused('{"p":[...],"q":[...]}, rising alike, p in 0..1 and q above 0');
}
