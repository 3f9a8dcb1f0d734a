import type { LinkShape } from "../rig/shaping-proxy.ts";

export interface Network {
  readonly name: string;
  readonly shape: LinkShape;
}

/** Uplinks that the literature on split inference measures with; downlinks to match. */
export const NETWORKS: readonly Network[] = [
  { name: "Wi-Fi 18.88 Mbit/s, RTT 20 ms", shape: { rttMs: 20, uplink: 18.88e6, downlink: 50e6 } },
  { name: "3G 1.1 Mbit/s, RTT 80 ms", shape: { rttMs: 80, uplink: 1.1e6, downlink: 8e6 } },
];

/**
 * Milliseconds for one image. With the phone below, the first suffices for the first exit only, the second for
 * the last exit where the network is good, the third for the last exit anywhere.
 */
export const BUDGETS_MS: readonly number[] = [100, 200, 400];

/**
 * The phone's engine is this many times as slow as this machine's WASM, which takes some 50 ms for the whole
 * resnet-imagenette: a phone of the lower class that needs 200 ms for it.
 */
export const SLOW_PHONE = 4;
