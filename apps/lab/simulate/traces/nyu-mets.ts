import type { RateStep } from "../../rig/rate.ts";
import type { TraceFormat } from "./trace-format.ts";
import { amountOf, type Line, refuse } from "./trace-text.ts";

/** By iperf's name of a unit: bits per second. */
const UNITS: Readonly<Record<string, number>> = {
  "bits/sec": 1,
  "Kbits/sec": 1e3,
  "Mbits/sec": 1e6,
  "Gbits/sec": 1e9,
};

const LINE = /^([^,]*),\s*([^,]*)$/;

/** LTE in New York (Mei et al., 2020), iperf's log: one `value,unit` a second; the unit changes within a file. */
export const nyuMets: TraceFormat = {
  folders: ["nyu-mets-lte"],
  endings: [],
  content: "VALUE,UNIT once a second",
  isSurely: ({ text }) => Object.hasOwn(UNITS, LINE.exec(text)?.[2] ?? ""),
  read: (lines) => ({ steps: lines.map(stepOf), rtt: null, direction: "not stated" }),
};

function stepOf(line: Line): RateStep {
  const [, value, unit] = LINE.exec(line.text) ?? refuse(line, "VALUE,UNIT", line.text);
  if (!Object.hasOwn(UNITS, unit!)) {
    refuse(line, `a unit of ${Object.keys(UNITS).join(", ")}`, unit!);
  }
  return { durationMs: 1000, bps: amountOf(line, `bandwidth in ${unit}`, value, UNITS[unit!]!) };
}
