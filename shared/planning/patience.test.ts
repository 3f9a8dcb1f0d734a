import { expect, test } from "vitest";
import { randomFrom } from "#shared/random";
import { type Awaited, patienceMs } from "./patience.ts";
import { DEAD_LINK_MS } from "./race.ts";

type Stages = Parameters<typeof patienceMs>[1];
/** In four parts, the first of which takes half of it. */
const stage = (ms: number, share: number) => ({ ms, share, partsMs: [ms / 2, ms / 4, ms / 8, ms / 8] });
/** An edge that has one exit to end at. */
const single = (ms: number): Stages => [stage(ms, 1)];
/** Of work in vain: what it is is told in `docs/mathematics.md`. */
const PRICE = 0.3;

/** What so long a wait costs on average, by drawing replies: they are seen between the edge's parts. */
function meanCost({ remoteMs, sdMs, late }: Awaited, stages: Stages, waitMs: number): number {
  const random = randomFrom(5);
  const stalledMs = remoteMs + 3.5 * sdMs;
  const draws = 40_000;
  let sum = 0;
  for (let at = 0; at < draws; at++) {
    const isLate = random() < late;
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const reply = isLate
      ? stalledMs * (DEAD_LINK_MS / stalledMs) ** random()
      : Math.max(0, remoteMs + sdMs * normal);
    if (reply <= waitMs) {
      sum += reply;
      continue;
    }
    const drawn = random();
    let shares = 0;
    const ends = [waitMs];
    for (const { partsMs, share } of stages) {
      if (drawn < shares) break;
      for (const part of partsMs) ends.push(ends.at(-1)! + part);
      shares += share;
    }
    const endMs = ends.at(-1)!;
    const seenMs = ends.find((end) => end >= reply) ?? endMs;
    sum += seenMs + PRICE * (Math.min(reply, endMs) - waitMs);
  }
  return sum / draws;
}

test("no other wait is expected to cost less than the one that is told", () => {
  const sure = [stage(60, 0.5), stage(200, 0.4), stage(900, 0.1)];
  const cases: readonly (readonly [Awaited, Stages])[] = [
    [{ remoteMs: 100, sdMs: 10, late: 0.004 }, single(150)],
    [{ remoteMs: 100, sdMs: 10, late: 0.05 }, single(1200)],
    [{ remoteMs: 100, sdMs: 60, late: 0.05 }, single(90)],
    [{ remoteMs: 300, sdMs: 40, late: 0.2 }, single(40)],
    [{ remoteMs: 80, sdMs: 25, late: 0.01 }, single(5000)],
    [{ remoteMs: 50, sdMs: 0, late: 0 }, single(70)],
    [{ remoteMs: 200, sdMs: 50, late: 0.05 }, sure],
    [{ remoteMs: 90, sdMs: 20, late: 0.01 }, sure],
  ];
  for (const [awaited, stages] of cases) {
    const told = patienceMs(awaited, stages);
    const best = meanCost(awaited, stages, told);
    for (const waitMs of [0, 20, 50, 80, 100, 120, 150, 200, 300, 500, 1000, 3000, 9000]) {
      const label = `${JSON.stringify(awaited)}, ${JSON.stringify(stages)}: ${told} and ${waitMs}`;
      expect(best, label).toBeLessThan(1.02 * meanCost(awaited, stages, waitMs) + 1);
    }
  }
});

test("a quick edge begins at once, a slow one the later", () => {
  const reply = { remoteMs: 300, sdMs: 30, late: 0.03 };
  const waits = [50, 400, 1000, 4000].map((finishMs) => patienceMs(reply, single(finishMs)));
  expect(waits[0]).toBe(0);
  expect(waits).toEqual(waits.toSorted((a, b) => a - b));
  expect(waits[1]).toBeGreaterThan(330);
  expect(waits[3]).toBeGreaterThan(waits[1]!);
});
