import { medianOf, type Quantiles } from "../chance/quantiles.ts";
import type { Draw } from "./draw.ts";
import type { Population, Stratum } from "./population.ts";
import { lengthsOf, streamSeed } from "./sample.ts";

/**
 * The fixed strata as draws, for small runs. What a stratum leaves open is as usual: the session's median length,
 * the radio's first idle time, DRX where at least half of the users have it, no burst, no cold start. Its slow-downs
 * and pauses are given, so they hold from the beginning and do not vary.
 *
 * @param seed of the streams of what goes on changing
 */
export function strataDraws(population: Population, seed: number): readonly Draw[] {
  return population.strata.map((stratum, at) => drawOf(population, stratum, streamSeed(seed, at)));
}

function drawOf({ radios, devices, cloud, use }: Population, stratum: Stratum, seed: number): Draw {
  const radio = radios.find(({ id }) => id === stratum.radio)!;
  const device = devices.find(({ id }) => id === stratum.device)!;
  const kind = cloud.kinds.find(({ id }) => id === stratum.cloudKind)!;
  const mode = use.modes.find(({ id }) => id === stratum.mode)!;
  const { idleAfterS, wakeMs, drxShareOfUsers, drxCycleMs, drxAfterMs } = radio.wakeUp;
  const webgpuMs = stratum.edgeMsPer100MmacWebgpu;
  return {
    id: stratum.id,
    weight: stratum.weight,
    streamSeed: seed,
    link: {
      radio: radio.id,
      uplinkBps: stratum.uplinkBps,
      downlinkBps: stratum.downlinkBps,
      rttMs: stratum.rttMs,
      rttFactor: radio.rttFactor,
      trace: stratum.trace,
      traceStartMs: 1000 * stratum.traceStartS,
      idleAfterMs: 1000 * idleAfterS,
      wakeMs,
      drx: drxShareOfUsers >= 0.5 ? { cycleMs: drxCycleMs, afterMs: drxAfterMs } : null,
    },
    edge: {
      device: device.id,
      wasm: {
        msPer100Mmac: stratum.edgeMsPer100MmacWasmSimd1,
        slowdown: stratum.edgeSlowdownWasm,
        onsetMs: 0,
      },
      webgpu: {
        isUsable: webgpuMs !== null,
        msPer100Mmac: webgpuMs ?? medianOf(device.edgeMsPer100MmacWebgpu),
        slowdown: stratum.edgeSlowdownWebgpu,
        onsetMs: 0,
        msPerOperation: device.webgpuMsPerOperation,
        readbackMs: device.webgpuReadbackMs,
        firstRunMs: device.webgpuFirstRunMs,
      },
      coolDownMs: 1000 * device.thermal.coolDownS,
      photoDecodeMs: device.photoDecodeMs,
    },
    cloud: {
      kind: kind.id,
      backend: stratum.backend,
      distance: stratum.distance,
      threads: kind.threads,
      fixedMs: stratum.cloudFixedMs,
      msPer100Mmac: stratum.cloudMsPer100Mmac,
      utilisation: stratum.utilisation,
      arrivalCv: stratum.arrivalCv,
      bursts: null,
      coldStartMs: null,
    },
    use: {
      mode: mode.id,
      budgetMs: stratum.budgetMs,
      lossPoints: stratum.lossPoints,
      length: medianOf(lengthsOf(mode)),
      fps: stratum.fps,
      // A burst's is the pause within it; between bursts the population's holds.
      thinkS: mode.id === "live" ? null : mode.id === "burst" ? mode.thinkS : always(stratum.thinkS),
      gapS: mode.id === "burst" ? always(stratum.thinkS) : null,
    },
  };
}

function always(value: number): Quantiles {
  return { p: [0.5], q: [value] };
}
