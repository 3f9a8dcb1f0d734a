import { existsSync } from "node:fs";
import path from "node:path";
import { EddiError } from "#shared/errors";
import type { Rate } from "../rig/rate.ts";
import { playTrace } from "../simulate/traces/play.ts";
import { readTrace } from "../simulate/traces/read-trace.ts";

/** A link that policies are tried on, live and in the simulator. */
export interface LiveLink {
  readonly name: string;
  readonly rttMs: number;
  readonly uplink: Rate;
  readonly downlink: Rate;
}

const DOWN_OVER_UP = 13.76 / 5.85;

/** The literature's, by its names. */
const CONSTANTS: Readonly<Record<string, LiveLink>> = {
  "3g": { name: "3g", rttMs: 100, uplink: 1.1e6, downlink: 2.03e6 },
  "4g": { name: "4g", rttMs: 50, uplink: 5.85e6, downlink: 13.76e6 },
  wifi: { name: "wifi", rttMs: 20, uplink: 18.88e6, downlink: 54.97e6 },
};

/**
 * @param list names of constants, and files of traces, which are played as uplinks
 * @throws EddiError `bad-argument` for what is neither; as `readTrace`
 */
export async function readLinks(list: string): Promise<readonly LiveLink[]> {
  return Promise.all(
    list.split(",").map(async (name): Promise<LiveLink> => {
      const constant = CONSTANTS[name];
      if (constant !== undefined) return constant;
      if (!existsSync(name)) {
        const expected = `${Object.keys(CONSTANTS).join(", ")} or a trace's file`;
        throw new EddiError("bad-argument", `--links: expected ${expected}, got ${name}`);
      }
      const steps = playTrace(await readTrace(name), { startMs: 0 });
      const times = (by: number): Rate => steps.map(({ durationMs, bps }) => ({ durationMs, bps: by * bps }));
      return { name: path.basename(name), rttMs: 70, uplink: steps, downlink: times(DOWN_OVER_UP) };
    }),
  );
}
