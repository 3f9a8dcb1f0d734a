import { TIMED_RATE, timedRates } from "./timed-rates.ts";
import type { TraceFormat } from "./trace-format.ts";

/**
 * Wi-Fi and 5G of Zhuge (Meng et al., SIGCOMM 2022): `seconds Mbit/s` every 0.2 s, from any time on. Where lines are
 * missing, up to half a minute, the link had stalled, and the last bandwidth holds.
 */
export const zhuge: TraceFormat = {
  folders: ["zhuge-wifi-5g"],
  endings: [".pitree-trace"],
  content: TIMED_RATE,
  isSurely: () => false,
  read: (lines) => ({ steps: timedRates(lines), rtt: null, direction: "not stated" }),
};
