import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { normalShare } from "../chance/normal.ts";
import { type Quantiles, quantileAt } from "../chance/quantiles.ts";
import type { Draw } from "./draw.ts";
import { POPULATION_FILE, readPopulation } from "./read-population.ts";
import { sampleDraws } from "./sample.ts";
import { strataDraws } from "./strata.ts";

const population = await readPopulation();
const SEED = population.sampling.seeds.tuning;
const DRAWS = sampleDraws(population, SEED, 20_000);

/** What the file says that its own makers drew and counted. */
const { sampling, calibration } = JSON.parse(readFileSync(POPULATION_FILE, "utf8")) as {
  readonly sampling: {
    readonly checkDraws: { seed: number; first: Record<string, number | string | boolean>[] };
  };
  readonly calibration: Readonly<Record<string, number>> & {
    readonly uplinkMbpsQuantiles: Quantiles;
    readonly rttMsQuantiles: Quantiles;
    readonly edgeMsPer100MmacWasmSimd1Quantiles: Quantiles;
  };
};

/** A draw in the words and digits of `checkDraws`. */
function asChecked({ link, edge, cloud, use }: Draw): Record<string, number | string | boolean> {
  const digits = (value: number, count: number): number => Number(value.toFixed(count));
  return {
    radio: link.radio,
    device: edge.device,
    uplinkBps: Math.round(link.uplinkBps),
    downlinkBps: Math.round(link.downlinkBps),
    rttMs: digits(link.rttMs, 2),
    startS: digits(link.traceStartMs / 1000, 2),
    edgeMsPer100MmacWasmSimd1: digits(edge.wasm.msPer100Mmac, 3),
    edgeMsPer100MmacWebgpu: digits(edge.webgpu.msPer100Mmac, 3),
    webgpu: edge.webgpu.isUsable,
    cloudKind: cloud.kind,
    backend: cloud.backend,
    distance: cloud.distance,
    utilisation: digits(cloud.utilisation, 4),
    arrivalCv: cloud.arrivalCv,
    mode: use.mode,
    budgetMs: use.budgetMs,
    lossPoints: use.lossPoints,
    length: digits(use.length, 2),
    fps: use.fps,
  };
}

test("the first draws are those that two others drew, to the digit", () => {
  const { seed, first } = sampling.checkDraws;
  for (const [at, draw] of sampleDraws(population, seed, first.length).entries()) {
    const mine = asChecked(draw);
    for (const [key, expected] of Object.entries(first[at]!)) {
      // Bits per second are told in full: their approximations of the normal distribution differ by 2e-6.
      if (key.endsWith("Bps"))
        expect(Math.abs((mine[key] as number) / (expected as number) - 1)).toBeLessThan(2e-6);
      else expect([key, mine[key]]).toEqual([key, expected]);
    }
  }
});

/** Rounded to as many digits as a figure has. */
const like = (value: number, figure: number): number =>
  Number(value.toPrecision(String(figure).replace(/^0\.0*|\./g, "").length));

test("20,000 draws have the margins that were counted of as many", () => {
  const share = (of: (draw: Draw) => boolean, among: readonly Draw[] = DRAWS): number =>
    Math.round((1000 * among.filter(of).length) / among.length) / 1000;
  expect(share(({ link }) => link.uplinkBps < 3e6)).toBe(calibration.uplinkBelow3MbpsShare);
  expect(share(({ link }) => link.downlinkBps < 9e6)).toBe(calibration.downlinkBelow9MbpsShare);
  expect(share(({ link }) => link.rttMs > 100)).toBe(calibration.rttAbove100MsShare);
  // That one they computed from the tables: 0.763.
  const { devices, jointDeviceRadio } = population;
  const usable = jointDeviceRadio.weight
    .flatMap((row, at) => row.map((weight) => weight * devices[at]!.webgpuUsableShare))
    .reduce((sum, one) => sum + one);
  expect(Number(usable.toFixed(3))).toBe(calibration.webgpuUsableShare);
  const found = share(({ edge }) => edge.webgpu.isUsable);
  expect(Math.abs(found - usable)).toBeLessThan(5 * Math.sqrt((usable * (1 - usable)) / DRAWS.length));
  const before = new Map(population.cloud.distance.map(({ id, extraRttMs }) => [id, extraRttMs]));
  expect(share(({ link, cloud }) => link.rttMs - before.get(cloud.distance)! > 100)).toBe(
    calibration.rttAbove100MsShareRegional,
  );
  const check = (of: (draw: Draw) => number, { p, q }: Quantiles): void => {
    const sorted = DRAWS.map(of).sort((a, b) => a - b);
    const found = p.map((one, i) => like(sorted[Math.round(one * (sorted.length - 1))]!, q[i]!));
    expect(found).toEqual(q);
  };
  check(({ link }) => link.uplinkBps / 1e6, calibration.uplinkMbpsQuantiles);
  check(({ link }) => link.rttMs, calibration.rttMsQuantiles);
  check(({ edge }) => edge.wasm.msPer100Mmac, calibration.edgeMsPer100MmacWasmSimd1Quantiles);
});

test("every table's shares are met, and each radio's rates have its quantiles", () => {
  const check = (
    key: string,
    list: readonly { readonly weight: number }[],
    of: (draw: Draw, at: number) => boolean,
    among = DRAWS,
  ): void => {
    for (const [at, { weight }] of list.entries()) {
      const found = among.filter((draw) => of(draw, at)).length / among.length;
      // Five standard errors.
      const bound = 5 * Math.sqrt((weight * (1 - weight)) / among.length);
      expect(Math.abs(found - weight), `${key} ${at}`).toBeLessThan(bound);
    }
  };
  const { cloud, use, radios, jointDeviceRadio } = population;
  const pairs = jointDeviceRadio.rows.flatMap((device, row) =>
    jointDeviceRadio.columns.map((radio, column) => ({
      device,
      radio,
      weight: jointDeviceRadio.weight[row]![column]!,
    })),
  );
  const possible = pairs.filter(({ weight }) => weight > 0);
  check("pair", possible, ({ edge, link }, at) => {
    const { device, radio } = possible[at]!;
    return edge.device === device && link.radio === radio;
  });
  expect(DRAWS.some(({ edge, link }) => edge.device === "android-low" && link.radio === "5g")).toBe(false);
  check("kind", cloud.kinds, (draw, at) => draw.cloud.kind === cloud.kinds[at]!.id);
  check("backend", cloud.backend, (draw, at) => draw.cloud.backend === cloud.backend[at]!.id);
  check("place", cloud.distance, (draw, at) => draw.cloud.distance === cloud.distance[at]!.id);
  check("cv", cloud.otherClients.cv, (draw, at) => draw.cloud.arrivalCv === cloud.otherClients.cv[at]!.value);
  check("burst", [{ weight: cloud.bursts.share }], (draw) => draw.cloud.bursts !== null);
  check(
    "cold",
    [{ weight: cloud.coldStart.probabilityPerSession }],
    (draw) => draw.cloud.coldStartMs !== null,
  );
  check("mode", use.modes, (draw, at) => draw.use.mode === use.modes[at]!.id);
  check(
    "floor",
    use.accuracyFloors,
    (draw, at) => draw.use.lossPoints === use.accuracyFloors[at]!.lossPoints,
  );
  for (const mode of use.modes) {
    const own = DRAWS.filter((draw) => draw.use.mode === mode.id);
    const budgets = use.budgets[mode.id];
    check("budget", budgets, (draw, at) => draw.use.budgetMs === budgets[at]!.budgetMs, own);
    const fps = mode.id === "live" ? mode.fps : [{ value: 0, weight: 1 }];
    if (mode.id === "live") check("fps", fps, (draw, at) => draw.use.fps === fps[at]!.value, own);
    else expect(own.every((draw) => draw.use.fps === 0)).toBe(true);
  }
  for (const radio of radios) {
    const own = DRAWS.filter(({ link }) => link.radio === radio.id);
    check("trace", radio.variation, ({ link }, at) => link.trace === radio.variation[at]!.trace, own);
    check("drx", [{ weight: radio.wakeUp.drxShareOfUsers }], ({ link }) => link.drx !== null, own);
    const { idleAfterS, idleAfterSAlternative: other } = radio.wakeUp;
    if (other === undefined)
      expect(own.every(({ link }) => link.idleAfterMs === 1000 * idleAfterS)).toBe(true);
    else check("idle", [other], ({ link }) => link.idleAfterMs === 1000 * other.value, own);
    for (const u of [0.1, 0.25, 0.5, 0.75, 0.9]) {
      for (const key of ["uplinkBps", "downlinkBps"] as const) {
        const below = own.filter(({ link }) => link[key] < quantileAt(radio[key], u)).length / own.length;
        expect(Math.abs(below - u), `${radio.id} ${key} ${u}`).toBeLessThan(
          5 * Math.sqrt((u * (1 - u)) / own.length),
        );
      }
    }
    for (const { link } of own) {
      const { durationS = 0 } = radio.variation.find(({ trace }) => trace === link.trace)!;
      expect(link.traceStartMs >= 0 && link.traceStartMs <= 1000 * durationS).toBe(true);
      if (link.trace === null) expect(link.traceStartMs).toBe(0);
    }
  }
});

test("slow-downs by heat have their quantiles, alike for both backends", () => {
  for (const { id, thermal } of population.devices) {
    const own = DRAWS.filter(({ edge }) => edge.device === id);
    for (const backend of ["wasm", "webgpu"] as const) {
      const { slowdownP50, slowdownP90, onsetS } = thermal[backend];
      const above = (least: number): number =>
        own.filter(({ edge }) => edge[backend].slowdown > least).length / own.length;
      expect(Math.abs(above(slowdownP50) - 0.5), id).toBeLessThan(2.5 / Math.sqrt(own.length));
      expect(Math.abs(above(slowdownP90) - 0.1), id).toBeLessThan(1.5 / Math.sqrt(own.length));
      expect(
        own.every(({ edge }) => edge[backend].slowdown >= 1 && edge[backend].onsetMs === 1000 * onsetS),
      ).toBe(true);
    }
  }
});

test("ranks of up, down and RTT hang together as the recipe says", () => {
  const own = DRAWS.filter(({ link, cloud }) => link.radio === "wifi-home" && cloud.distance === "regional");
  const ranks = (of: (draw: Draw) => number): number[] => {
    const order = own.map((draw, at) => [of(draw), at] as const).sort((a, b) => a[0] - b[0]);
    const rank = new Array<number>(own.length);
    order.forEach(([, at], place) => {
      rank[at] = place / own.length - 0.5;
    });
    return rank;
  };
  const [up, down, rtt] = [
    ranks(({ link }) => link.uplinkBps),
    ranks(({ link }) => link.downlinkBps),
    ranks(({ link }) => link.rttMs),
  ];
  const correlation = (a: number[], b: number[]): number =>
    (12 * a.reduce((sum, one, at) => sum + one * b[at]!, 0)) / a.length;
  // Of normals with correlation r the ranks' is 6 / pi * asin(r / 2).
  const ofRanks = (r: number): number => (6 / Math.PI) * Math.asin(r / 2);
  expect(correlation(up, down)).toBeCloseTo(ofRanks(0.5), 1);
  expect(correlation(up, rtt)).toBeCloseTo(ofRanks(-0.4), 1);
  expect(correlation(down, rtt)).toBeCloseTo(ofRanks(-0.4), 1);
});

test("a factor of the backend is a CPU's", () => {
  for (const { cloud } of DRAWS.slice(0, 2000)) {
    const kind = population.cloud.kinds.find(({ id }) => id === cloud.kind)!;
    const { factor } = population.cloud.backend.find(({ id }) => id === cloud.backend)!;
    expect(cloud.msPer100Mmac).toBe(kind.cloudMsPer100Mmac * (cloud.kind === "gpu" ? 1 : factor));
  }
});

test("the same seed draws the same, a longer sample begins with the shorter one, another seed is another", () => {
  const short = sampleDraws(population, 7, 10);
  expect(sampleDraws(population, 7, 10)).toEqual(short);
  const long = sampleDraws(population, 7, 50);
  expect(long.slice(0, 10).map((draw) => ({ ...draw, weight: 0.1 }))).toEqual(short);
  expect(long.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12);
  expect(sampleDraws(population, 8, 10).map(({ link }) => link.uplinkBps)).not.toEqual(
    short.map(({ link }) => link.uplinkBps),
  );
  expect(short.map(({ streamSeed }) => streamSeed)).toEqual([7, 6, 5, 4, 3, 2, 1, 0, 15, 14]);
  expect(sampleDraws(population, 2 ** 32 - 1, 1)[0]!.streamSeed).toBe(2 ** 32 - 1);
});

test("counts and seeds that are none are refused", () => {
  for (const count of [0, -1, 1.5, Number.NaN]) {
    expect(() => sampleDraws(population, 1, count)).toThrow(
      "population: expected a number of draws above 0, got",
    );
  }
  for (const seed of [-1, 0.5, 2 ** 32, Number.NaN]) {
    expect(() => sampleDraws(population, seed, 1)).toThrow(
      "population: expected a seed of 0 to 4294967295, got",
    );
  }
});

test("the normal distribution function is right in the middle and in the tails", () => {
  // scipy.stats.norm.cdf
  const known = [
    [0, 0.5],
    [1, 0.8413447460685429],
    [-1.959963984540054, 0.025],
    [3, 0.9986501019683699],
    [-4, 3.167124183311986e-5],
    [-6, 9.865876450376946e-10],
  ] as const;
  for (const [z, share] of known) expect(Math.abs(normalShare(z) - share), `${z}`).toBeLessThan(1e-15);
  expect([normalShare(40), normalShare(-40)]).toEqual([1, 0]);
});

test("strata are draws with the file's weights and columns", () => {
  const draws = strataDraws(population, SEED);
  expect(draws.length).toBe(48);
  expect(draws.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 4);
  for (const [at, draw] of draws.entries()) {
    const stratum = population.strata[at]!;
    const { link, edge, cloud, use } = draw;
    expect(draw).toMatchObject({ id: stratum.id, weight: stratum.weight, streamSeed: (SEED ^ at) >>> 0 });
    expect(asChecked(draw)).toMatchObject({
      radio: stratum.radio,
      device: stratum.device,
      uplinkBps: stratum.uplinkBps,
      downlinkBps: stratum.downlinkBps,
      rttMs: stratum.rttMs,
      startS: stratum.traceStartS,
      edgeMsPer100MmacWasmSimd1: stratum.edgeMsPer100MmacWasmSimd1,
      webgpu: stratum.edgeMsPer100MmacWebgpu !== null,
      cloudKind: stratum.cloudKind,
      backend: stratum.backend,
      distance: stratum.distance,
      utilisation: stratum.utilisation,
      arrivalCv: stratum.arrivalCv,
      mode: stratum.mode,
      budgetMs: stratum.budgetMs,
      lossPoints: stratum.lossPoints,
      fps: stratum.fps,
    });
    expect(link.trace).toBe(stratum.trace);
    expect([edge.wasm.slowdown, edge.webgpu.slowdown]).toEqual([
      stratum.edgeSlowdownWasm,
      stratum.edgeSlowdownWebgpu,
    ]);
    expect([cloud.fixedMs, cloud.msPer100Mmac]).toEqual([stratum.cloudFixedMs, stratum.cloudMsPer100Mmac]);
    const pause = use.mode === "live" ? null : use.mode === "burst" ? use.gapS : use.thinkS;
    expect(pause && quantileAt(pause, 0.3)).toBe(use.mode === "live" ? null : stratum.thinkS);
    // The factor that is in the stratum is that of its kind and backend.
    const kind = population.cloud.kinds.find(({ id }) => id === stratum.cloudKind)!;
    const { factor } = population.cloud.backend.find(({ id }) => id === stratum.backend)!;
    expect(cloud.msPer100Mmac).toBeCloseTo(kind.cloudMsPer100Mmac * (kind.id === "gpu" ? 1 : factor), 2);
  }
});

test("quantiles are level outside, geometric inside", () => {
  const quantiles = { p: [0.1, 0.5, 0.9], q: [1, 100, 200] };
  expect([0, 0.1, 0.5, 0.9, 1].map((u) => quantileAt(quantiles, u))).toEqual([1, 1, 100, 200, 200]);
  expect(quantileAt(quantiles, 0.3)).toBeCloseTo(10, 12);
  expect(quantileAt({ p: [0.5], q: [7] }, 0.9)).toBe(7);
});
