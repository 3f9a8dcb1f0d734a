import type { RateStep } from "../../rig/rate.ts";
import type { TraceFormat } from "./trace-format.ts";
import { amountOf, type Line, refuse } from "./trace-text.ts";

/**
 * Logs of 4G (van der Hooft et al., 2016) and 3G (Riiser et al., 2013) downlinks as JSON: an array of
 * `{duration_ms, bandwidth_kbps, latency_ms}`. The latency is a constant that nobody measured, so it is no RTT.
 */
export const belgiumNorway: TraceFormat = {
  folders: ["belgium-4g-lte", "norway-3g-hsdpa"],
  endings: [],
  content: '[{"duration_ms": MS, "bandwidth_kbps": KBIT, "latency_ms": MS}, ...]',
  isSurely: ({ text }) => text.startsWith("["),
  read: (lines) => ({ steps: itemsOf(lines).map(stepOf), rtt: null, direction: "downlink" }),
};

function stepOf({ line, item }: Item): RateStep {
  const number = (key: string): string | undefined => {
    const value = item[key];
    if (typeof value === "number" || value === undefined) return value?.toString();
    return refuse(line, `${key}, a number`, JSON.stringify(value));
  };
  const durationMs = amountOf(line, "duration_ms", number("duration_ms"));
  if (durationMs === 0) refuse(line, "duration_ms above 0", "0");
  return { durationMs, bps: amountOf(line, "bandwidth_kbps", number("bandwidth_kbps"), 1e3) };
}

interface Item {
  /** The one it begins on. */
  readonly line: Line;
  readonly item: Readonly<Record<string, unknown>>;
}

const SPACE = /\s*/y;

/**
 * The objects of a JSON array of flat ones, parsed one by one: JSON.parse tells an error's place in some versions of
 * Node only, and that of a wrong value in none.
 */
function itemsOf(lines: readonly Line[]): readonly Item[] {
  const text = lines.map((line) => line.text).join("\n");
  const starts = [0];
  for (const line of lines) starts.push(starts.at(-1)! + line.text.length + 1);
  const items: Item[] = [];
  let [row, end] = [0, 0];
  /** Takes what the pattern says, after white space. */
  const take = (pattern: RegExp, expected: string): { line: Line; found: string } => {
    SPACE.lastIndex = end;
    SPACE.exec(text);
    pattern.lastIndex = SPACE.lastIndex;
    while (row < lines.length - 1 && starts[row + 1]! <= pattern.lastIndex) row += 1;
    const line = lines[row]!;
    const found = pattern.exec(text);
    if (found === null) {
      const rest = text.slice(SPACE.lastIndex).split("\n", 1)[0];
      return refuse(line, expected, rest || "the end of the file");
    }
    end = pattern.lastIndex;
    return { line, found: found[0] };
  };
  take(/\[/y, "[, the beginning of an array");
  for (let next = ","; next === ","; ) {
    const { line, found } = take(/\{[^{}]*\}/y, "an object {...}");
    items.push({ line, item: parse(line, found) });
    next = take(/[,\]]/y, ", or ] behind an object").found;
  }
  take(/$/y, "nothing behind the array");
  return items;
}

function parse(line: Line, text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return refuse(line, "an object in JSON", text.replace(/\s+/g, " "));
  }
}
