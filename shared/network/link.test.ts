import { afterAll, expect, test } from "vitest";
import { oracle, Simulation, type TrueLink } from "./fixture.ts";
import { Link, type LinkEstimate } from "./link.ts";
import { FIRST_GUESS } from "./network.ts";

/** Seeds per figure: enough for a regression to show, few enough to be quick; LINK_SEEDS=500 for a report. */
const SEEDS = Number(process.env.LINK_SEEDS ?? 60);

test("after 10 samples RTT and uplink are within 10 %, nearly as often as anyone could have them", () => {
  const ours = new Share("settled: ours, within 10 %");
  const best = new Share("settled: oracle, within 10 %");
  const errors = { ours: new Rms("settled: ours, rms"), best: new Rms("settled: oracle, rms") };
  for (let seed = 0; seed < 5 * SEEDS; seed++) {
    const simulation = new Simulation(seed);
    const truth = anyLink(simulation);
    for (let sample = 0; sample < 10; sample++) simulation.next(truth);
    const known = oracle(simulation.samples);
    if (Math.max(known.rttSd, known.uplinkSd) > 0.07) continue;
    const estimate = replay(simulation).estimate();
    for (const off of errorsOf(known, truth)) best.count(errors.best.add(off) <= 0.1);
    for (const off of errorsOf(estimate, truth)) ours.count(errors.ours.add(off) <= 0.1);
  }
  expect(ours.value).toBeGreaterThan(best.value - 0.05);
  expect(ours.value).toBeGreaterThan(0.85);
  expect(errors.ours.value).toBeLessThan(1.25 * errors.best.value);
});

test("with sizes that tell both apart, 95 of 100 estimates after 10 samples are within 10 %", () => {
  const within = new Share("settled, two sizes, within 10 %");
  for (let seed = 0; seed < SEEDS; seed++) {
    const simulation = new Simulation(seed);
    const truth: TrueLink = { ...anyLink(simulation), noise: 0.05 };
    const even = (truth.rttMs * truth.uplinkBps) / 8000;
    for (let sample = 0; sample < 10; sample++) simulation.next(truth, sample % 2 === 0 ? 300 : 10 * even);
    for (const off of errorsOf(replay(simulation).estimate(), truth)) within.count(off <= 0.1);
  }
  expect(within.value).toBeGreaterThan(0.95);
});

test("the noise need not be known: errors stay near the oracle's from 2 to 20 %", () => {
  for (const noise of [0.02, 0.05, 0.2]) {
    const ours = new Rms(`noise ${noise}: ours, rms`);
    const best = new Rms(`noise ${noise}: oracle, rms`);
    for (let seed = 0; seed < 2 * SEEDS; seed++) {
      const simulation = new Simulation(seed);
      const truth = { ...anyLink(simulation), noise };
      for (let sample = 0; sample < 10; sample++) simulation.next(truth);
      const known = oracle(simulation.samples);
      if (Math.max(known.rttSd, known.uplinkSd) > 0.7 * noise) continue;
      for (const off of errorsOf(known, truth)) best.add(off);
      for (const off of errorsOf(replay(simulation).estimate(), truth)) ours.add(off);
    }
    expect(ours.value, `noise ${noise}`).toBeLessThan(1.3 * best.value);
  }
});

test("a step of 5 in either is followed within 4 samples to 20 %, nearly as often as it can be known", () => {
  for (const name of ["rttMs", "uplinkBps"] as const) {
    for (const factor of [5, 0.2]) {
      const ours = [2, 3, 4].map((after) => new Share(`${name} * ${factor}, ${after} samples: ours`));
      const best = [2, 3, 4].map((after) => new Share(`${name} * ${factor}, ${after} samples: oracle`));
      for (let seed = 0; seed < SEEDS; seed++) {
        const simulation = new Simulation(seed);
        const before = anyLink(simulation);
        const after = { ...before, [name]: factor * before[name] };
        for (let sample = 0; sample < 20; sample++) simulation.next(before);
        const link = replay(simulation);
        link.observe(simulation.next(after));
        for (let at = 0; at < 3; at++) {
          link.observe(simulation.next(after));
          const known = oracle(simulation.samples);
          if ((name === "rttMs" ? known.rttSd : known.uplinkSd) > 0.1) continue;
          best[at]!.count(relativeError(known[name], after[name]) <= 0.2);
          ours[at]!.count(relativeError(link.estimate()[name], after[name]) <= 0.2);
        }
      }
      expect(ours[2]!.value, `${name} * ${factor}`).toBeGreaterThan(best[2]!.value - 0.08);
      expect(ours[2]!.value, `${name} * ${factor}`).toBeGreaterThan(0.9);
    }
  }
});

test("a hand-over is followed in 3 samples: the next ones take about as long as expected", () => {
  const followed = new Share("hand-over: the median of the fourth sample is within 25 %");
  for (let seed = 0; seed < SEEDS; seed++) {
    const simulation = new Simulation(seed);
    const [wifi, cellular] = [
      { ...QUIET, rttMs: 15, uplinkBps: 40e6 },
      { ...QUIET, rttMs: 90, uplinkBps: 3e6 },
    ];
    for (let sample = 0; sample < 20; sample++) simulation.next(seed % 2 === 0 ? wifi : cellular);
    const after = seed % 2 === 0 ? cellular : wifi;
    for (const bytes of [500, 40_000, 20_000]) simulation.next(after, bytes);
    const [p50] = replay(simulation).predict(simulation.samples.at(-1)!.tMs, 30_000, [0.5]);
    followed.count(relativeError(p50!, after.rttMs + 240e6 / after.uplinkBps) <= 0.25);
  }
  expect(followed.value).toBeGreaterThan(0.9);
});

test("one outlier moves the estimate by less than the noise", () => {
  const kept = new Share("one outlier of 4 or a quarter: both within 15 %");
  for (let seed = 0; seed < SEEDS; seed++) {
    const simulation = new Simulation(seed);
    const truth = { ...QUIET, rttMs: 30, uplinkBps: 8e6 };
    for (let sample = 0; sample < 20; sample++) simulation.next(truth);
    const link = replay(simulation);
    const { rttMs, uplinkBps } = link.estimate();
    const next = simulation.next(truth);
    link.observe({
      ...next,
      serverMs: 0,
      elapsedMs: (next.elapsedMs - next.serverMs) * (seed % 2 === 0 ? 4 : 0.25),
    });
    kept.count(Math.max(...errorsOf(link.estimate(), { ...truth, rttMs, uplinkBps })) <= 0.15);
  }
  expect(kept.value).toBeGreaterThan(0.95);
});

test("the 95 % interval covers 90 to 99 % of the next 1,000 samples, on every link", () => {
  const LINKS = Math.max(6, SEEDS / 20);
  for (let seed = 0; seed < LINKS; seed++) {
    const simulation = new Simulation(seed);
    const truth = { ...anyLink(simulation), restarts: seed % 3 === 0, noise: [0.1, 0.05, 0.2][seed % 3]! };
    const inside = new Share(`interval: link ${seed}`);
    const link = Link.start(FIRST_GUESS);
    for (let sample = 0; sample < 1010; sample++) {
      const next = simulation.next(truth);
      const [low, high] = sample < 10 ? [0, 0] : link.predict(next.tMs, next.bytes, [0.025, 0.975]);
      const ms = next.elapsedMs - next.serverMs;
      if (sample >= 10) inside.count(low! <= ms && ms <= high!);
      link.observe(next);
    }
    expect(inside.value, `seed ${seed}`).toBeGreaterThan(0.9);
    expect(inside.value, `seed ${seed}`).toBeLessThan(0.99);
  }
}, 120_000);

test("slow start after pauses is learnt where it is, though all samples come after one", () => {
  const learnt = new Share("slow start: learnt after 40 samples");
  const near = new Share("slow start: RTT and 100 kB after a pause within 10 %");
  for (let seed = 0; seed < SEEDS / 2; seed++) {
    const simulation = new Simulation(seed);
    // Here the bytes themselves are a tenth of the time: the uplink alone drowns in the noise.
    const truth = { ...QUIET, rttMs: 60, uplinkBps: 40e6, restarts: true };
    const link = replay(paused(simulation, truth, 40));
    const exact = simulation.next({ ...truth, noise: 0, outliers: 0 }, 100_000, 2000);
    const [p50] = link.predict(exact.tMs, exact.bytes, [0.5]);
    learnt.count(link.restartProbability > 0.5);
    near.count(relativeError(link.estimate().rttMs, truth.rttMs) <= 0.1);
    near.count(relativeError(p50!, exact.elapsedMs - exact.serverMs) <= 0.1);
  }
  expect(learnt.value).toBeGreaterThan(0.95);
  expect(near.value).toBeGreaterThan(0.95);
});

test("where slow start does not begin anew, pauses change nothing", () => {
  for (const count of [5, 10, 20]) {
    const same = new Share(`no slow start, ${count} samples: with pauses as without, within 5 %`);
    for (let seed = 0; seed < SEEDS; seed++) {
      const truth = anyLink(new Simulation(1000 + seed));
      const without = new Simulation(seed);
      for (let sample = 0; sample < count; sample++) without.next(truth, undefined, without.between(1, 900));
      const { rttMs, uplinkBps } = replay(without).estimate();
      const estimate = replay(paused(new Simulation(seed), truth, count)).estimate();
      same.count(Math.max(...errorsOf(estimate, { ...truth, rttMs, uplinkBps })) <= 0.05);
    }
    expect(same.value, `${count} samples`).toBeGreaterThan(0.85);
  }
});

test("silence says that a request takes longer than was waited, and no more", () => {
  const simulation = new Simulation(1);
  for (let sample = 0; sample < 20; sample++) simulation.next(QUIET);
  const link = replay(simulation);
  const expected = (): number => link.predict(1e6, 10_000, [0.5])[0]!;
  const before = expected();
  const unmoved = { tMs: 1e6, bytes: 10_000, elapsedMs: before / 4, serverMs: 0 };
  link.observeSilence(unmoved);
  expect(expected() / before).toBeCloseTo(1, 1);
  for (let lost = 0; lost < 3; lost++) link.observeSilence({ ...unmoved, elapsedMs: 3000 });
  expect(expected()).toBeGreaterThan(2000);
});

test("a copy goes its own way", () => {
  const link = Link.start(FIRST_GUESS);
  const before = link.estimate();
  link.copy().observe({ tMs: 0, bytes: 500, elapsedMs: 300, serverMs: 0 });
  expect(link.estimate()).toEqual(before);
});

test("whatever comes, estimates and predictions stay finite and above 0", () => {
  const link = Link.start(FIRST_GUESS);
  for (const elapsedMs of [0, 1e-9, 1e12, 20]) {
    for (const bytes of [0, 1, 1e15]) {
      link.observe({ tMs: 0, bytes, elapsedMs, serverMs: 0 });
      link.observeSilence({ tMs: 0, bytes, elapsedMs, serverMs: 0 });
      const { rttMs, uplinkBps } = link.estimate();
      for (const value of [rttMs, uplinkBps, ...link.predict(0, bytes, [0.025, 0.5, 0.975])]) {
        expect(Number.isFinite(value) && value > 0, `${elapsedMs} ms, ${bytes} B: ${value}`).toBe(true);
      }
    }
  }
});

const QUIET: TrueLink = { rttMs: 40, uplinkBps: 10e6, noise: 0.1, outliers: 0.05, restarts: false };

/** RTT 5 to 300 ms, uplink 0.1 to 100 Mbit/s. */
function anyLink(simulation: Simulation): TrueLink {
  return { ...QUIET, rttMs: simulation.between(5, 300), uplinkBps: simulation.between(0.1e6, 100e6) };
}

/** Requests that all come after more than a second of silence. */
function paused(simulation: Simulation, truth: TrueLink, count: number): Simulation {
  for (let sample = 0; sample < count; sample++) {
    simulation.next(truth, undefined, simulation.between(1010, 4000));
  }
  return simulation;
}

function replay({ samples }: Simulation): Link {
  const link = Link.start(FIRST_GUESS);
  for (const sample of samples) link.observe(sample);
  return link;
}

function errorsOf(
  known: Pick<LinkEstimate, "rttMs" | "uplinkBps">,
  truth: TrueLink,
): readonly [number, number] {
  return [relativeError(known.rttMs, truth.rttMs), relativeError(known.uplinkBps, truth.uplinkBps)];
}

const relativeError = (value: number, truth: number): number => Math.abs(value / truth - 1);

const figures: { readonly name: string; readonly value: number; readonly samples: number }[] = [];

/** How often something was so. */
class Share {
  private hits = 0;
  samples = 0;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
    figures.push(this);
  }

  count(hit: boolean): void {
    this.samples++;
    if (hit) this.hits++;
  }

  get value(): number {
    return this.hits / this.samples;
  }
}

/** Root of the mean square, of what is below 1: a far mode counts as that. */
class Rms {
  private squares = 0;
  samples = 0;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
    figures.push(this);
  }

  add(value: number): number {
    this.samples++;
    this.squares += Math.min(value, 1) ** 2;
    return value;
  }

  get value(): number {
    return Math.sqrt(this.squares / this.samples);
  }
}

/** LINK_FIGURES=1 prints them. */
afterAll(() => {
  const rows = figures.map(({ name, value, samples }) => `${value.toFixed(3)}  of ${samples}  ${name}`);
  if (process.env.LINK_FIGURES !== undefined) console.info(rows.join("\n"));
});
