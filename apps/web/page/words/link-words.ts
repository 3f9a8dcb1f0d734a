import type { PlanSummary } from "../../talk/optimizer.ts";
import { TEXTS } from "./texts.ts";

/** Networks that people know, and a phone's usual upload over them, bits per second; RTT in milliseconds. */
export const NETWORKS = {
  CAT1: { uplinkBps: 0.13e6, rttMs: 200 },
  "3G": { uplinkBps: 1.1e6, rttMs: 80 },
  "4G": { uplinkBps: 5.85e6, rttMs: 60 },
  "Wi-Fi": { uplinkBps: 18.88e6, rttMs: 15 },
} as const;

export type NetworkName = keyof typeof NETWORKS;
const NETWORK_NAMES = Object.keys(NETWORKS) as NetworkName[];

/** The known network that an upload is most like. */
function networkLike(uplinkBps: number): NetworkName {
  const far = (name: NetworkName): number => Math.abs(Math.log(uplinkBps / NETWORKS[name].uplinkBps));
  return NETWORK_NAMES.reduce((best, name) => (far(name) < far(best) ? name : best));
}

/** The connection in a few words: `like 3G, cloud in reach`. */
export function linkWords(
  plans: PlanSummary | null,
  phoneOnly: boolean,
): { readonly text: string; readonly isOff: boolean } {
  if (phoneOnly) return { text: TEXTS.byChoice, isOff: true };
  const cloud = plans?.cloud ?? "unknown";
  if (plans === null || cloud === "unknown") return { text: "looking for the cloud…", isOff: false };
  if (cloud === "down") return { text: "Offline: phone only", isOff: true };
  if (cloud === "refusing") return { text: "Cloud busy: phone only", isOff: true };
  const like = plans.measured.uplink ? `like ${networkLike(plans.conditions.uplinkBps)}, ` : "";
  return { text: `${like}cloud in reach`, isOff: false };
}
