import { expect, test } from "vitest";
import { randomFrom } from "#shared/random";
import { type Awaited, patienceMs } from "./patience.ts";
import { DEAD_LINK_MS } from "./race.ts";

/** Expected latency of so long a wait, by drawing replies: none is seen while the edge works. */
function meanMs({ remoteMs, sdMs, late }: Awaited, finishMs: number, waitMs: number): number {
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
    sum += reply <= waitMs ? reply : waitMs + finishMs;
  }
  return sum / draws;
}

test("no other wait is expected to take less than the one that is told", () => {
  const cases: readonly (readonly [Awaited, number])[] = [
    [{ remoteMs: 100, sdMs: 10, late: 0.004 }, 150],
    [{ remoteMs: 100, sdMs: 10, late: 0.05 }, 1200],
    [{ remoteMs: 100, sdMs: 60, late: 0.05 }, 90],
    [{ remoteMs: 300, sdMs: 40, late: 0.2 }, 40],
    [{ remoteMs: 80, sdMs: 25, late: 0.01 }, 5000],
    [{ remoteMs: 50, sdMs: 0, late: 0 }, 70],
  ];
  for (const [awaited, finishMs] of cases) {
    const told = patienceMs(awaited, finishMs);
    const best = meanMs(awaited, finishMs, told);
    for (const waitMs of [0, 20, 50, 80, 100, 120, 150, 200, 300, 500, 1000, 3000, 9000]) {
      const label = `${JSON.stringify(awaited)}, ${finishMs}: ${told} and ${waitMs}`;
      expect(best, label).toBeLessThan(1.02 * meanMs(awaited, finishMs, waitMs) + 1);
    }
  }
});

test("a quick edge begins at once, a slow one the later", () => {
  const reply = { remoteMs: 300, sdMs: 30, late: 0.03 };
  const waits = [50, 400, 1000, 4000].map((finishMs) => patienceMs(reply, finishMs));
  expect(waits[0]).toBe(0);
  expect(waits).toEqual(waits.toSorted((a, b) => a - b));
  expect(waits[1]).toBeGreaterThan(330);
  expect(waits[3]).toBeGreaterThan(waits[1]!);
});
