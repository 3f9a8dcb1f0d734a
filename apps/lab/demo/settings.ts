import type { LinkShape } from "../proxy/shaping-proxy.ts";

export interface Network {
  readonly name: string;
  readonly shape: LinkShape;
}

/** Uplinks that the literature on split inference measures with: Wi-Fi, and 4G where it is good. */
export const NETWORKS: readonly Network[] = [
  { name: "Wi-Fi 18.88 Mbit/s, RTT 20 ms", shape: { rttMs: 20, uplink: 18.88e6, downlink: 50e6 } },
  { name: "3G 1.1 Mbit/s, RTT 80 ms", shape: { rttMs: 80, uplink: 1.1e6, downlink: 8e6 } },
];

/** Milliseconds for one image: less than the full model needs on either network, and enough for it. */
export const BUDGETS_MS: readonly number[] = [100, 160, 400];

/**
 * The edge engine is made this many times as slow as this machine's, to stand for a phone: a desktop core
 * runs TF.js' WASM backend about so much faster than a phone of the middle class.
 */
export const SLOW_PHONE = 10;
