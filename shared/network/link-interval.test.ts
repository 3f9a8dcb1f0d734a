import { afterAll, expect, test } from "vitest";
import { Simulation } from "./fixture.ts";
import { Link } from "./link.ts";
import { anyLink, printFigures, SEEDS, Share } from "./link-fixture.ts";
import { FIRST_GUESS } from "./network.ts";

afterAll(printFigures);

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
});
