import type { RateStep } from "../../rig/rate.ts";
import type { TraceFormat } from "./trace-format.ts";
import { type Line, refuse } from "./trace-text.ts";

const PACKET_BITS = 8 * 1500;
const SECOND_MS = 1000;

/**
 * Mahimahi's packet-delivery traces of cellular links (Netravali et al., 2015): one integer a line, the
 * millisecond at which one packet of 1,500 bytes may leave; the trace begins anew at its last millisecond.
 * Packets are counted by the second, as the population plays these files; the last second is as short as it is.
 */
export const mahimahi: TraceFormat = {
  folders: ["mahimahi-us-cellular"],
  endings: [".up", ".down"],
  content: "MS, when one packet of 1,500 bytes may leave",
  isSurely: ({ text }) => /^\d+$/.test(text),
  read(lines) {
    const { file } = lines[0]!;
    const direction = file.endsWith(".up") ? "uplink" : file.endsWith(".down") ? "downlink" : "not stated";
    return { steps: countBySecond(lines), rtt: null, direction };
  },
};

function countBySecond(lines: readonly Line[]): readonly RateStep[] {
  const times = timesOf(lines);
  const endMs = times.at(-1)!;
  if (endMs === 0) refuse(lines.at(-1)!, "a last time above 0", "0");
  const steps: RateStep[] = [];
  let fromMs = 0;
  for (let at = 0; at < times.length; ) {
    // Whole seconds without a packet are one step. What leaves at the very end leaves in the last second.
    const second = Math.min(Math.floor(times[at]! / SECOND_MS), Math.ceil(endMs / SECOND_MS) - 1);
    const startMs = second * SECOND_MS;
    const nextMs = Math.min(startMs + SECOND_MS, endMs);
    const first = at;
    while (at < times.length && (times[at]! < nextMs || nextMs === endMs)) at += 1;
    if (startMs > fromMs) steps.push({ durationMs: startMs - fromMs, bps: 0 });
    const durationMs = nextMs - startMs;
    steps.push({ durationMs, bps: ((at - first) * PACKET_BITS * 1000) / durationMs });
    fromMs = nextMs;
  }
  return steps;
}

function timesOf(lines: readonly Line[]): readonly number[] {
  let before = 0;
  return lines.map((line) => {
    const ms = /^\d+$/.test(line.text) ? Number(line.text) : Number.NaN;
    if (!Number.isSafeInteger(ms)) refuse(line, "a time in whole ms", line.text);
    if (ms < before) refuse(line, `a time of ${before} ms or later`, line.text);
    before = ms;
    return ms;
  });
}
