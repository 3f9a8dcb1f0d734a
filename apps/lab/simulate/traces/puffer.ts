import { TIMED_RATE, timedRates } from "./timed-rates.ts";
import type { TraceFormat } from "./trace-format.ts";

/** Home lines as Puffer's video sessions saw them (Yan et al., NSDI 2020): `seconds Mbit/s`, in irregular steps. */
export const puffer: TraceFormat = {
  folders: ["puffer-home-broadband"],
  endings: [],
  content: TIMED_RATE,
  isSurely: () => false,
  read: (lines) => ({ steps: timedRates(lines), rtt: null, direction: "downlink" }),
};
