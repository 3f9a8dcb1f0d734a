import { expect, test } from "vitest";
import { seededRandom } from "./fixture.ts";
import { type FlowArc, minCut } from "./flow.ts";

test("min-cut matches exhaustive search, with real, zero and infinite capacities", () => {
  for (let seed = 0; seed < 1000; seed++) {
    const { vertices, arcs } = randomNetwork(seed);
    const sink = vertices - 1;
    let least = Infinity;
    for (let bits = 0; bits < 2 ** (vertices - 2); bits++) {
      const side = (vertex: number): boolean =>
        vertex === 0 || (vertex < sink && ((bits >> (vertex - 1)) & 1) === 1);
      least = Math.min(least, cutValue(arcs, side));
    }
    const { value, sourceSide } = minCut(vertices, arcs, 0, sink);
    if (least === Infinity) expect(value, `seed ${seed}`).toBe(Infinity);
    else expect(value, `seed ${seed}`).toBeCloseTo(least, 9);
    if (least < Infinity) {
      expect(sourceSide[0] && !sourceSide[sink]).toBe(true);
      expect(
        cutValue(arcs, (vertex) => sourceSide[vertex]!),
        `seed ${seed}`,
      ).toBeCloseTo(least, 9);
    }
  }
});

test("a path of ten thousand vertices does not overflow the stack", () => {
  const arcs = Array.from({ length: 10_000 }, (_, at) => ({ from: at, to: at + 1, capacity: 1 + (at % 7) }));
  expect(minCut(10_001, arcs, 0, 10_000).value).toBe(1);
});

test("capacities of very different size leave no arc half open", () => {
  const arcs = [1e-9, 0.1, 1e9, 0.3].flatMap((capacity, at) => [
    { from: 0, to: at + 1, capacity },
    { from: at + 1, to: 5, capacity: capacity * (1 + 2 ** -40) },
    { from: at + 1, to: ((at + 1) % 4) + 1, capacity: 1e6 / 3 },
  ]);
  const { value, sourceSide } = minCut(6, arcs, 0, 5);
  expect(value).toBeCloseTo(1e9 + 0.4, 3);
  expect(cutValue(arcs, (vertex) => sourceSide[vertex]!)).toBeCloseTo(value, 3);
});

function cutValue(arcs: readonly FlowArc[], isSource: (vertex: number) => boolean): number {
  return arcs.reduce(
    (sum, { from, to, capacity }) => sum + (isSource(from) && !isSource(to) ? capacity : 0),
    0,
  );
}

function randomNetwork(seed: number): { vertices: number; arcs: FlowArc[] } {
  const random = seededRandom(seed);
  const vertices = 2 + Math.floor(random() * 8);
  const arcs = Array.from({ length: Math.floor(random() * 4 * vertices) }, (): FlowArc => {
    const kind = random();
    const capacity = kind < 0.1 ? Infinity : kind < 0.2 ? 0 : random() * 10 ** Math.floor(random() * 6 - 3);
    return { from: Math.floor(random() * vertices), to: Math.floor(random() * vertices), capacity };
  });
  return { vertices, arcs };
}
