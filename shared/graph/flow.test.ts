import { expect, test } from "vitest";
import { randomFrom } from "#shared/random";
import { FlowNetwork } from "./flow.ts";

test("min-cut matches exhaustive search, with real, zero and infinite capacities", () => {
  for (let seed = 0; seed < 1500; seed++) {
    const problem = randomProblem(seed);
    const { vertices } = problem;
    let least = Infinity;
    for (let bits = 0; bits < 2 ** vertices; bits++) {
      const side = (vertex: number): boolean => ((bits >> vertex) & 1) === 1;
      least = Math.min(least, cutValue(problem, side));
    }
    const network = networkOf(problem);
    const value = network.solve();
    if (least === Infinity) {
      expect(value, `seed ${seed}`).toBe(Infinity);
      continue;
    }
    expect(value, `seed ${seed}`).toBeCloseTo(least, 9);
    expect(
      cutValue(problem, (v) => network.isSourceSide(v)),
      `seed ${seed}`,
    ).toBeCloseTo(least, 9);
  }
});

test("a network can be solved again with other capacities", () => {
  for (let seed = 0; seed < 200; seed++) {
    const [one, other] = [randomProblem(seed), randomProblem(seed)].map((problem, at) => {
      const random = randomFrom(seed + 1000 * at);
      return {
        ...problem,
        arcs: problem.arcs.map((arc) => ({ ...arc, capacity: random(), back: random() })),
      };
    });
    const network = networkOf(one!);
    const first = network.solve();
    fill(network, other!);
    const second = network.solve();
    expect(second).toBeCloseTo(networkOf(other!).solve(), 12);
    fill(network, one!);
    expect(network.solve()).toBe(first);
  }
});

test("a path of ten thousand vertices does not overflow the stack", () => {
  const arcs = Array.from({ length: 9999 }, (_, at) => ({
    from: at,
    to: at + 1,
    capacity: 1 + (at % 7),
    back: 0,
  }));
  const fromSource = [Infinity, ...new Array<number>(9999).fill(0)];
  expect(networkOf({ vertices: 10_000, arcs, fromSource, toSink: fromSource.toReversed() }).solve()).toBe(1);
});

test("capacities of very different size leave no arc half open", () => {
  const sizes = [1e-9, 0.1, 1e9, 0.3];
  const problem = {
    vertices: 4,
    fromSource: sizes,
    toSink: sizes.map((size) => size * (1 + 2 ** -40)),
    arcs: sizes.map((_, at) => ({ from: at, to: (at + 1) % 4, capacity: 1e6 / 3, back: 0 })),
  };
  const network = networkOf(problem);
  const value = network.solve();
  expect(value).toBeCloseTo(1e9 + 0.4, 3);
  expect(cutValue(problem, (vertex) => network.isSourceSide(vertex))).toBeCloseTo(value, 3);
});

interface Problem {
  readonly vertices: number;
  readonly fromSource: readonly number[];
  readonly toSink: readonly number[];
  readonly arcs: readonly {
    readonly from: number;
    readonly to: number;
    readonly capacity: number;
    readonly back: number;
  }[];
}

function networkOf(problem: Problem): FlowNetwork {
  const network = new FlowNetwork(
    problem.vertices,
    problem.arcs.flatMap(({ from, to }) => [from, to]),
  );
  fill(network, problem);
  return network;
}

function fill(network: FlowNetwork, { fromSource, toSink, arcs }: Problem): void {
  network.fromSource.set(fromSource);
  network.toSink.set(toSink);
  network.capacity.set(arcs.flatMap(({ capacity, back }) => [capacity, back]));
}

function cutValue(problem: Problem, isSource: (vertex: number) => boolean): number {
  let value = 0;
  problem.fromSource.forEach((capacity, vertex) => {
    value += isSource(vertex) ? problem.toSink[vertex]! : capacity;
  });
  for (const { from, to, capacity, back } of problem.arcs) {
    if (isSource(from) && !isSource(to)) value += capacity;
    if (isSource(to) && !isSource(from)) value += back;
  }
  return value;
}

function randomProblem(seed: number): Problem {
  const random = randomFrom(seed);
  const vertices = 1 + Math.floor(random() * 8);
  const capacity = (): number => {
    const kind = random();
    return kind < 0.1 ? Infinity : kind < 0.4 ? 0 : random() * 10 ** Math.floor(random() * 6 - 3);
  };
  const pick = (): number => Math.floor(random() * vertices);
  return {
    vertices,
    fromSource: Array.from({ length: vertices }, capacity),
    toSink: Array.from({ length: vertices }, capacity),
    arcs: Array.from({ length: Math.floor(random() * 3 * vertices) }, () => ({
      from: pick(),
      to: pick(),
      capacity: capacity(),
      back: capacity(),
    })),
  };
}
