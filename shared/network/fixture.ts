import type { Observation, Transfer } from "./observation.ts";

/** For tests only: a link and two machines as they truly are. */
export interface Truth {
  readonly rttMs: number;
  readonly uplinkBps: number;
  /** Relative standard deviation of every time. */
  readonly noise: number;
  /** Whether the service tells its receive time, and whether a proxy spoils it. */
  readonly receive: "told" | "silent" | "buffered";
}

/** For tests only: what probes and transfers over a true link look like. */
export function observations(truth: Truth, random: () => number, atMs: number) {
  const noisy = (ms: number): number => ms * Math.exp(truth.noise * normal(random));
  return {
    probe: (): Observation => ({ kind: "probe", atMs, rttMs: noisy(truth.rttMs) }),
    transfer: (requestBytes: number): Transfer => {
      const wireMs = noisy((8000 * requestBytes) / truth.uplinkBps);
      const serverMs = 10 * random();
      const receiveMs = { told: { receiveMs: wireMs }, silent: {}, buffered: { receiveMs: 0.2 } }[
        truth.receive
      ];
      const elapsedMs = noisy(truth.rttMs) + wireMs + serverMs;
      return { kind: "transfer", atMs, requestBytes, elapsedMs, serverMs, ...receiveMs };
    },
  };
}

/** Standard normal, by Box and Muller. */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
