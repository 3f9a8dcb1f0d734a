import { describe, expect, test } from "vitest";
import { optimize } from "#shared/optimizer";
import { randomFrom } from "#shared/random";
import { readProblem } from "./read-problem.ts";

type Json = Record<string, unknown>;

/** The example of the usage, with a second node and exit. */
const good = (): Json => ({
  nodes: [
    { id: "image", edgeMs: 0, cloudMs: 0, outputBytes: 12000 },
    { id: "n1", edgeMs: 4.1, cloudMs: 0.3, outputBytes: 8000 },
    { id: "n2", edgeMs: 400, cloudMs: 2, outputBytes: 40 },
  ],
  edges: [
    ["image", "n1"],
    ["n1", "n2"],
  ],
  exits: [
    { id: "exit1", node: "n1", accuracy: 0.71, resultBytes: 64 },
    { id: "exit2", node: "n2", accuracy: 0.9, resultBytes: 64 },
  ],
  conditions: {
    rttMs: 40,
    uplinkBps: 5850000,
    downlinkBps: 20000000,
    edgeScale: 1,
    cloudScale: 1,
    queueMs: 0,
  },
  objective: { kind: "accuracy", budgetMs: 200 },
});

test("latency is the design's formula without codecs", () => {
  const choice = optimize(readProblem(good()))!;
  expect(choice).toMatchObject({ exit: "exit2", head: ["image", "n1"], cut: ["n1"], feasible: true });
  const wireMs = (8000 * 8000) / 5850000;
  const replyMs = (64 * 8000) / 20000000;
  expect(choice.latency.totalMs).toBeCloseTo(4.1 + 40 + wireMs + 2 + replyMs, 9);
});

test("random problems agree with exhaustive search that knows nothing of our code", () => {
  const counts = { accuracy: 0, latency: 0, throughput: 0, feasible: 0 };
  for (let seed = 0; seed < 1500; seed++) {
    const problem = randomProblem(seed);
    const choice = optimize(readProblem(problem))!;
    const label = `seed ${seed}`;
    const { objective } = problem;
    const options = allPlans(problem);
    const good = options.filter(({ latencyMs, accuracy }) =>
      objective.kind === "accuracy" ? latencyMs <= objective.budgetMs : accuracy >= objective.minAccuracy,
    );
    expect(choice.feasible, label).toBe(good.length > 0);
    const eligible = good.length > 0 ? good : options;
    const rankFirst = (objective.kind === "accuracy") === choice.feasible;
    const highest = Math.max(...eligible.map(({ accuracy }) => accuracy));
    const rivals = eligible.filter(({ accuracy }) => !rankFirst || accuracy === highest);
    if (rankFirst) expect(choice.accuracy, label).toBe(highest);
    const key = objective.kind === "throughput" ? "periodMs" : "latencyMs";
    const least = Math.min(...rivals.map((rival) => rival[key]));
    const found = objective.kind === "throughput" ? choice.periodMs : choice.latency.totalMs;
    expect(found, label).toBeCloseTo(least, 6);
    // What it says of itself is so.
    const own = options.find(
      ({ exit, head }) => exit === choice.exit && head === choice.head.toSorted().join(),
    );
    expect(own?.latencyMs, label).toBeCloseTo(choice.latency.totalMs, 6);
    expect(own?.cut, label).toBe(choice.cut.toSorted().join());
    counts[objective.kind]++;
    if (choice.feasible) counts.feasible++;
  }
  for (const [kind, count] of Object.entries(counts)) expect(count, kind).toBeGreaterThan(200);
});

describe("a bad problem is refused with its field", () => {
  const nodes = () => good().nodes as Json[];
  const exits = () => good().exits as Json[];
  const cases: readonly (readonly [field: string, change: Json | unknown])[] = [
    ["problem", 7],
    ["problem", null],
    ["nodes", { ...good(), nodes: [] }],
    ["nodes", { ...good(), nodes: "n" }],
    ["nodes[1].id", { ...good(), nodes: [nodes()[0], { ...nodes()[1], id: "image" }] }],
    ["nodes[1].id", { ...good(), nodes: [nodes()[0], { ...nodes()[1], id: 3 }] }],
    ["nodes[1].edgeMs", { ...good(), nodes: [nodes()[0], { ...nodes()[1], edgeMs: -1 }] }],
    ["nodes[1].cloudMs", { ...good(), nodes: [nodes()[0], { ...nodes()[1], cloudMs: Infinity }] }],
    ["nodes[1].outputBytes", { ...good(), nodes: [nodes()[0], { ...nodes()[1], outputBytes: "8" }] }],
    ["nodes", { ...good(), edges: [["image", "n2"]] }],
    ["edges", { ...good(), edges: undefined }],
    ["edges[0]", { ...good(), edges: [["image"]] }],
    [
      "edges[1][1]",
      {
        ...good(),
        edges: [
          ["image", "n1"],
          ["n1", "n9"],
        ],
      },
    ],
    [
      "edges",
      {
        ...good(),
        edges: [
          ["image", "n1"],
          ["n1", "n2"],
          ["n2", "n1"],
        ],
      },
    ],
    [
      "edges",
      {
        ...good(),
        edges: [
          ["image", "n1"],
          ["n1", "n2"],
          ["n2", "n2"],
        ],
      },
    ],
    ["exits", { ...good(), exits: [] }],
    ["exits[0].node", { ...good(), exits: [{ ...exits()[0], node: "n9" }] }],
    ["exits[0].accuracy", { ...good(), exits: [{ ...exits()[0], accuracy: 1.1 }] }],
    ["exits[0].resultBytes", { ...good(), exits: [{ ...exits()[0], resultBytes: Number.NaN }] }],
    ["exits[1].id", { ...good(), exits: [exits()[0], { ...exits()[1], id: "exit1" }] }],
    ["conditions", { ...good(), conditions: undefined }],
    ["conditions.uplinkBps", { ...good(), conditions: { ...(good().conditions as Json), uplinkBps: 0 } }],
    ["conditions.downlinkBps", { ...good(), conditions: { ...(good().conditions as Json), downlinkBps: 0 } }],
    ["conditions.rttMs", { ...good(), conditions: { ...(good().conditions as Json), rttMs: -4 } }],
    ["conditions.queueMs", { ...good(), conditions: { ...(good().conditions as Json), queueMs: null } }],
    ["objective", { ...good(), objective: [] }],
    ["objective.kind", { ...good(), objective: { kind: "joy" } }],
    ["objective.budgetMs", { ...good(), objective: { kind: "accuracy" } }],
    ["objective.minAccuracy", { ...good(), objective: { kind: "throughput", minAccuracy: -1 } }],
  ];
  test.each(cases)("%s", (field, problem) => {
    expect(() => readProblem(problem)).toThrow(`${field}: expected`);
    expect(() => readProblem(problem)).toThrow(/^[^\n]*$/);
  });
});

interface RawProblem extends Json {
  nodes: { id: string; edgeMs: number; cloudMs: number; outputBytes: number }[];
  edges: [string, string][];
  exits: { id: string; node: string; accuracy: number; resultBytes: number }[];
  conditions: Record<"rttMs" | "uplinkBps" | "downlinkBps" | "edgeScale" | "cloudScale" | "queueMs", number>;
  objective: { kind: "accuracy"; budgetMs: number } | { kind: "latency" | "throughput"; minAccuracy: number };
}

/** Every subset of every exit's ancestors that is closed, by the text of the issue alone. */
function allPlans({ nodes, edges, exits, conditions: c }: RawProblem) {
  return exits.flatMap((exit) => {
    const needed = new Set([exit.node]);
    for (let size = -1; size !== needed.size; ) {
      size = needed.size;
      for (const [from, to] of edges) if (needed.has(to)) needed.add(from);
    }
    const own = nodes.filter(({ id }) => needed.has(id));
    const arcs = edges.filter(([from, to]) => needed.has(from) && needed.has(to));
    return Array.from({ length: 2 ** own.length }, (_, bits) => bits).flatMap((bits) => {
      const head = own.filter((_, at) => (bits >> at) & 1);
      const inHead = new Set(head.map(({ id }) => id));
      if (!inHead.has("image") || arcs.some(([from, to]) => inHead.has(to) && !inHead.has(from))) return [];
      const tail = own.filter(({ id }) => !inHead.has(id));
      const cut = head.filter(({ id }) => arcs.some(([from, to]) => from === id && !inHead.has(to)));
      const edgeMs = c.edgeScale * head.reduce((sum, node) => sum + node.edgeMs, 0);
      const uplinkMs = cut.reduce((sum, node) => sum + (8000 * node.outputBytes) / c.uplinkBps, 0);
      const cloudMs = c.cloudScale * tail.reduce((sum, node) => sum + node.cloudMs, 0);
      const fixedMs = c.rttMs + c.queueMs + (8000 * exit.resultBytes) / c.downlinkBps;
      const latencyMs = edgeMs + (tail.length > 0 ? fixedMs + uplinkMs + cloudMs : 0);
      const ids = (list: readonly { id: string }[]) =>
        list
          .map(({ id }) => id)
          .sort()
          .join();
      const plan = { exit: exit.id, accuracy: exit.accuracy, head: ids(head), cut: ids(cut) };
      return [{ ...plan, latencyMs, periodMs: Math.max(edgeMs, uplinkMs, cloudMs) }];
    });
  });
}

function randomProblem(seed: number): RawProblem {
  const random = randomFrom(seed);
  const count = 2 + Math.floor(random() * 9);
  const ids = ["image", ...Array.from({ length: count - 1 }, (_, at) => `n${at + 1}`)];
  const edges = ids.flatMap((to, at): [string, string][] => {
    const from = ids.slice(0, at).filter(() => random() < 0.25);
    return at === 0 ? [] : [...new Set([ids[Math.floor(random() * at)]!, ...from])].map((id) => [id, to]);
  });
  const kind = (["accuracy", "latency", "throughput"] as const)[seed % 3]!;
  return {
    nodes: ids.map((id) => ({
      id,
      edgeMs: id === "image" ? random() : 30 * random() ** 2,
      cloudMs: 30 * random() ** 3,
      outputBytes: Math.floor(40_000 * random() ** 3),
    })),
    edges,
    exits: Array.from({ length: 1 + Math.floor(random() * 3) }, (_, at) => ({
      id: `exit${at}`,
      node: ids[Math.floor(random() * count)]!,
      accuracy: Math.round(100 * random()) / 100,
      resultBytes: 64,
    })),
    conditions: {
      rttMs: 60 * random() ** 2,
      uplinkBps: 10 ** (5 + 3 * random()),
      downlinkBps: 2e7,
      edgeScale: 3 * random(),
      cloudScale: 2 * random(),
      queueMs: 10 * random(),
    },
    objective:
      kind === "accuracy" ? { kind, budgetMs: 10 ** (2.2 * random()) } : { kind, minAccuracy: random() },
  };
}
