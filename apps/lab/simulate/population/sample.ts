import { EddiError } from "#shared/errors";
import { type Random, randomFrom } from "#shared/random";
import { normal, normalShare } from "../chance/normal.ts";
import { choose, chooseAt, medianOf, type Quantiles, quantileAt } from "../chance/quantiles.ts";
import type { Draw, DrawnBackend, DrawnCloud, DrawnEdge, DrawnLink, DrawnUse } from "./draw.ts";
import type { Device, Mode, Population, Radio, Thermal } from "./population.ts";

/**
 * Draws users' conditions by the population's recipe (`sampling.pseudo`), number by number: the order of the draws
 * is part of it. The first of a longer sample are those of a shorter one, but for their weights.
 *
 * @param seed 0 to 2^32 - 1
 * @throws EddiError `bad-argument` for a count or seed that is none
 */
export function sampleDraws(population: Population, seed: number, count: number): readonly Draw[] {
  if (!(Number.isSafeInteger(count) && count > 0)) refuse("a number of draws above 0", count);
  if (!(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)) refuse("a seed of 0 to 4294967295", seed);
  const random = randomFrom(seed);
  const tables = tablesOf(population);
  return Array.from({ length: count }, (_, at): Draw => {
    const drawn = drawOne(population, tables, random);
    return { id: String(at), weight: 1 / count, streamSeed: streamSeed(seed, at), ...drawn };
  });
}

/** Of the second stream of the draw at some position. */
export function streamSeed(seed: number, at: number): number {
  return (seed ^ at) >>> 0;
}

interface Tables {
  readonly pairs: readonly { readonly device: Device; readonly radio: Radio }[];
  readonly weights: readonly number[];
}

function tablesOf({ jointDeviceRadio: { rows, columns, weight }, devices, radios }: Population): Tables {
  const byId = <T extends { readonly id: string }>(list: readonly T[], id: string): T =>
    list.find((one) => one.id === id)!;
  const pairs = rows.flatMap((row) =>
    columns.map((column) => ({ device: byId(devices, row), radio: byId(radios, column) })),
  );
  return { pairs, weights: weight.flat() };
}

function drawOne(
  { cloud, use }: Population,
  { pairs, weights }: Tables,
  random: Random,
): Pick<Draw, "link" | "edge" | "cloud" | "use"> {
  const { device, radio } = pairs[chooseAt(weights, random)]!;
  const link = drawLink(radio, random);
  const edge = drawEdge(device, random);
  const { place, ...drawnCloud } = drawCloud(cloud, random);
  return {
    link: { ...link, rttMs: link.rttMs + place.extraRttMs },
    edge,
    cloud: { ...drawnCloud, distance: place.id },
    use: drawUse(use, random),
  };
}

function drawLink(radio: Radio, random: Random): DrawnLink {
  const [a, b, c] = [normal(random), normal(random), normal(random)];
  // Rank correlations 0.5 of up and down, -0.4 of either and RTT.
  const zDown = 0.5 * a + 0.866025 * b;
  const zRtt = -0.4 * a - 0.23094 * b + 0.886943 * c;
  const value = (quantiles: Quantiles, z: number): number => quantileAt(quantiles, normalShare(z));
  const { trace, durationS = 0 } = choose(radio.variation, random);
  const startS = random() * durationS;
  const { idleAfterS, idleAfterSAlternative, wakeMs, drxShareOfUsers, drxCycleMs, drxAfterMs } = radio.wakeUp;
  // Drawn even where there is no alternative.
  const isOther = random() < (idleAfterSAlternative?.weight ?? 0);
  const hasDrx = random() < drxShareOfUsers;
  return {
    radio: radio.id,
    uplinkBps: value(radio.uplinkBps, a),
    downlinkBps: value(radio.downlinkBps, zDown),
    rttMs: value(radio.rttMs, zRtt),
    rttFactor: radio.rttFactor,
    trace,
    traceStartMs: 1000 * startS,
    idleAfterMs: 1000 * (isOther ? idleAfterSAlternative!.value : idleAfterS),
    wakeMs,
    drx: hasDrx ? { cycleMs: drxCycleMs, afterMs: drxAfterMs } : null,
  };
}

function drawEdge(device: Device, random: Random): DrawnEdge {
  const { thermal } = device;
  const s = normal(random);
  const wasmMs = medianOf(device.edgeMsPer100MmacWasmSimd1) * Math.exp((s < 0 ? 0.3004 : 0.4003) * s);
  const webgpuMs = medianOf(device.edgeMsPer100MmacWebgpu) * Math.exp((s < 0 ? 0.3979 : 0.4994) * s);
  const isUsable = random() < device.webgpuUsableShare;
  const t = normal(random);
  const backend = (msPer100Mmac: number, heat: Thermal): DrawnBackend => ({
    msPer100Mmac,
    slowdown: slowdownOf(heat, t),
    onsetMs: 1000 * heat.onsetS,
  });
  return {
    device: device.id,
    wasm: backend(wasmMs, thermal.wasm),
    webgpu: {
      ...backend(webgpuMs, thermal.webgpu),
      isUsable,
      msPerOperation: device.webgpuMsPerOperation,
      readbackMs: device.webgpuReadbackMs,
      firstRunMs: device.webgpuFirstRunMs,
    },
    coolDownMs: 1000 * thermal.coolDownS,
    photoDecodeMs: device.photoDecodeMs,
  };
}

function slowdownOf({ slowdownP50, slowdownP90 }: Thermal, t: number): number {
  // What never slows down is 1 at both.
  if (slowdownP50 === 1) return 1;
  return 1 + (slowdownP50 - 1) * ((slowdownP90 - 1) / (slowdownP50 - 1)) ** (t / 1.2816);
}

function drawCloud(
  cloud: Population["cloud"],
  random: Random,
): Omit<DrawnCloud, "distance"> & { readonly place: Population["cloud"]["distance"][number] } {
  const kind = choose(cloud.kinds, random);
  const backend = choose(cloud.backend, random);
  const place = choose(cloud.distance, random);
  const utilisation = quantileAt(cloud.utilisation, random());
  const arrivalCv = choose(cloud.otherClients.cv, random).value;
  const { share, ...bursts } = cloud.bursts;
  const isBurst = random() < share;
  const isCold = random() < cloud.coldStart.probabilityPerSession;
  return {
    kind: kind.id,
    backend: backend.id,
    place,
    threads: kind.threads,
    fixedMs: kind.cloudFixedMs,
    msPer100Mmac: kind.cloudMsPer100Mmac * (kind.id.startsWith("cpu") ? backend.factor : 1),
    utilisation,
    arrivalCv,
    bursts: isBurst ? bursts : null,
    coldStartMs: isCold ? cloud.coldStart.ms : null,
  };
}

function drawUse(use: Population["use"], random: Random): DrawnUse {
  const mode = choose(use.modes, random);
  const { budgetMs } = choose(use.budgets[mode.id], random);
  const { lossPoints } = choose(use.accuracyFloors, random);
  const length = quantileAt(lengthsOf(mode), random());
  const fps = mode.id === "live" ? choose(mode.fps, random).value : 0;
  return {
    mode: mode.id,
    budgetMs,
    lossPoints,
    length,
    fps,
    thinkS: mode.id === "live" ? null : mode.thinkS,
    gapS: mode.id === "burst" ? mode.gapS : null,
  };
}

/** Images of a session, or its seconds. */
export function lengthsOf(mode: Mode): Quantiles {
  return mode.id === "live" ? mode.sessionS : mode.images;
}

function refuse(expected: string, came: number): never {
  throw new EddiError("bad-argument", `population: expected ${expected}, got ${came}`);
}
