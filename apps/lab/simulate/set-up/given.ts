import { EddiError } from "#shared/errors";
import type { Rate } from "../../rig/rate.ts";
import { numberFrom } from "../../terminal/numbers.ts";
import { playTrace } from "../traces/play.ts";
import { readTrace } from "../traces/read-trace.ts";
import { readRtt } from "./read-rtt.ts";
import { FEATURES, type Feature, type Given } from "./settings.ts";

/** The options that say what the world is like. */
export interface WorldOptions {
  readonly uplink: string;
  /** Absent: as many times the uplink as is usual. */
  readonly downlink: string | undefined;
  readonly format: string | undefined;
  readonly start: string;
  readonly rtt: string;
  readonly slowdown: string;
  readonly load: string;
  readonly without: string;
}

/** Of a usual 4G (DADS, JointDNN: 5.85 and 13.76 Mbit/s). */
const DOWN_OVER_UP = 13.76 / 5.85;

/** @throws EddiError `not-found` for files that there are none, `bad-argument` for all else, naming option, file and line */
export async function readGiven(options: WorldOptions): Promise<Omit<Given, "tailMs" | "durationMs">> {
  const { format } = options;
  const startMs = 1000 * numberFrom("--start", options.start, 0, 1e6);
  const uplink = await readRate("--uplink", options.uplink, startMs, format);
  return {
    uplink,
    downlink:
      options.downlink === undefined
        ? timesRate(uplink, DOWN_OVER_UP)
        : await readRate("--downlink", options.downlink, startMs, format),
    rtt: await readRtt(options.rtt, format),
    slowdown: numberFrom("--slowdown", options.slowdown, 0.01, 1000),
    load: numberFrom("--load", options.load, 0, 0.95),
    without: new Set(featuresOf(options.without)),
  };
}

/** Mbit/s, or a trace's file. */
async function readRate(option: string, given: string, startMs: number, format?: string): Promise<Rate> {
  if (/^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(given)) return 1e6 * numberFrom(option, given, 1e-3, 1e5);
  return playTrace(await readTrace(given, format), { startMs });
}

function timesRate(rate: Rate, by: number): Rate {
  if (typeof rate === "number") return by * rate;
  return rate.map(({ durationMs, bps }) => ({ durationMs, bps: by * bps }));
}

function featuresOf(text: string): readonly Feature[] {
  const names = text.split(",").filter((name) => name !== "");
  return names.map((name) => {
    const found = FEATURES.find((feature) => feature === name);
    if (found !== undefined) return found;
    throw new EddiError("bad-argument", `--without: expected some of ${FEATURES.join(", ")}, got ${name}`);
  });
}
