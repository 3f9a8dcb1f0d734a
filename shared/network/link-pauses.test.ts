import { afterAll, expect, test } from "vitest";
import { Simulation } from "./fixture.ts";
import { Link } from "./link.ts";
import {
  anyLink,
  errorsOf,
  paused,
  printFigures,
  QUIET,
  relativeError,
  replay,
  SEEDS,
  Share,
} from "./link-fixture.ts";
import { FIRST_GUESS } from "./network.ts";

afterAll(printFigures);

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
  const counts = [5, 10, 20];
  const same = counts.map(
    (count) => new Share(`no slow start, ${count} samples: with pauses as without, within 5 %`),
  );
  for (let seed = 0; seed < SEEDS; seed++) {
    const truth = anyLink(new Simulation(1000 + seed));
    const without = new Simulation(seed);
    for (let sample = 0; sample < 20; sample++) without.next(truth, undefined, without.between(1, 900));
    const pauses = paused(new Simulation(seed), truth, 20);
    const links = [Link.start(FIRST_GUESS), Link.start(FIRST_GUESS)] as const;
    for (let sample = 0; sample < 20; sample++) {
      links[0].observe(without.samples[sample]!);
      links[1].observe(pauses.samples[sample]!);
      const at = counts.indexOf(sample + 1);
      if (at < 0) continue;
      const { rttMs, uplinkBps } = links[0].estimate();
      same[at]!.count(Math.max(...errorsOf(links[1].estimate(), { ...truth, rttMs, uplinkBps })) <= 0.05);
    }
  }
  for (const share of same) expect(share.value, share.name).toBeGreaterThan(0.85);
});
