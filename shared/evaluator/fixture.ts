import { ancestors, buildDag, subgraph } from "#shared/graph";
import type { Conditions, WireCodec } from "#shared/model";
import { randomDag } from "../graph/fixture.ts";
import type { ExitCosts } from "./exit-costs.ts";
import type { WireMode } from "./wire.ts";

/**
 * For tests only: one to three exits of a random DAG with random costs. Some nodes cost nothing, some are
 * slower in the cloud, some tensors are larger than the image.
 *
 * @param maxNodes of the whole DAG, 2 or more
 */
export function randomExits(random: () => number, maxNodes: number): readonly ExitCosts[] {
  const dag = randomDag(random, 2 + Math.floor(random() * (maxNodes - 1)));
  const count = dag.names.length;
  const cost = (scale: number): number[] =>
    dag.names.map((_, node) => (node === 0 || random() < 0.1 ? 0 : scale * random() ** 2));
  const [edgeMs, cloudMs] = [cost(40), cost(random() < 0.3 ? 60 : 8)];
  const wireBytes = dag.names.map(() => 50 + random() ** 3 * 60_000);
  const edgeCutMs = dag.names.map(() => random() / 2);
  const cloudCutMs = dag.names.map(() => random() / 2);
  const fixed = {
    edgeFixedMs: random() * 5,
    cloudFixedMs: random() * 3,
    requestBytes: 700,
    resultBytes: 600,
  };
  const exitNodes = [
    count - 1,
    1 + Math.floor(random() * (count - 1)),
    1 + Math.floor(random() * (count - 1)),
  ];
  return [...new Set(exitNodes)]
    .sort((a, b) => a - b)
    .map((exitNode, position): ExitCosts => {
      const needed = ancestors(dag, exitNode);
      const prune = (values: readonly number[]): number[] => values.filter((_, node) => needed[node]);
      return {
        exit: `exit-${position}`,
        position,
        accuracy: 0.5 + random() / 2,
        dag: subgraph(dag, needed),
        edgeMs: prune(edgeMs),
        cloudMs: prune(cloudMs),
        wireBytes: prune(wireBytes),
        edgeCutMs: prune(edgeCutMs),
        cloudCutMs: prune(cloudCutMs),
        ...fixed,
      };
    });
}

/**
 * For tests only: an exit of something like a CNN: single nodes, residual blocks and branches side by side in a
 * chain. Tensors shrink on the way, the cloud is about as much faster everywhere, and some nodes are free.
 *
 * @param maxNodes of the DAG, 2 or more
 */
export function randomCnn(random: () => number, maxNodes: number): ExitCosts {
  const names = ["image"];
  const arcs: [string, string][] = [];
  const add = (...from: readonly string[]): string => {
    const name = `n${names.length}`;
    names.push(name);
    for (const one of from) arcs.push([one, name]);
    return name;
  };
  const chain = (from: string, length: number): string =>
    length === 0 ? from : chain(add(from), length - 1);
  let last = add("image");
  while (names.length + 6 <= maxNodes) {
    const kind = random();
    if (kind < 0.3) last = add(last);
    else if (kind < 0.6) last = add(chain(last, 1 + Math.floor(random() * 3)), last);
    else last = add(chain(last, 1 + Math.floor(random() * 3)), chain(last, 1 + Math.floor(random() * 2)));
  }
  const dag = buildDag(names, arcs);
  const speedup = 4 + 10 * random();
  const noise = random() < 0.5 ? 0.1 : 0.6;
  const edgeMs = names.map((_, node) => (node === 0 || random() < 0.2 ? 0 : 2 + 10 * random()));
  const size = (node: number): number => 60_000 / 2 ** Math.floor((5 * node) / names.length);
  const wireBytes = names.map((_, node) => (node === 0 ? 12_000 : size(node) * (random() < 0.2 ? 0.25 : 1)));
  return {
    exit: "exit-0",
    position: 0,
    accuracy: 0.8,
    dag,
    edgeMs,
    cloudMs: edgeMs.map((ms) => (ms / speedup) * (1 + noise * (random() - 0.5))),
    wireBytes,
    edgeCutMs: wireBytes.map((bytes) => (6 * bytes) / 1e6),
    cloudCutMs: wireBytes.map((bytes) => (5 * bytes) / 1e6),
    edgeFixedMs: random() * 2,
    cloudFixedMs: random(),
    requestBytes: 800,
    resultBytes: 540,
  };
}

/** For tests only: anything from a bad mobile link to a local network, from an idle to a loaded cloud. */
export function randomConditions(random: () => number): Conditions {
  return {
    rttMs: random() < 0.2 ? 0 : 200 * random() ** 3,
    uplinkBps: 10 ** (5 + 4 * random()),
    downlinkBps: 10 ** (6 + 3 * random()),
    edgeScale: 0.3 + 3 * random(),
    cloudScale: 0.3 + 3 * random() ** 4,
    queueMs: random() < 0.5 ? 0 : 30 * random(),
    spread: {
      rttMs: 20 * random(),
      uplink: 0.5 * random(),
      rttUplink: -random(),
      network: 0.3 * random(),
      edge: 0.2 * random(),
      cloud: 0.4 * random(),
      late: random() < 0.5 ? 0 : 0.2 * random(),
      tail: 1 + random(),
    },
  };
}

/**
 * For tests only: the exits behind one of their tensors, which alone crosses, by few bytes that cost more than is tolerated.
 */
export function randomLossy(random: () => number, exits: readonly ExitCosts[]): readonly ExitCosts[] {
  const { names } = exits.at(-1)!.dag;
  const sent = names[Math.floor(random() * (names.length - 1))]!;
  return exits.flatMap((costs): ExitCosts[] => {
    const at = costs.dag.names.indexOf(sent);
    if (at < 0 || at === costs.dag.names.length - 1) return [];
    const counted = 0.005 + 0.06 * random();
    const only = (value: number, others: number): number[] =>
      costs.dag.names.map((_, node) => (node === at ? value : others));
    const lossy: WireCodec = { codec: "linear", quality: 1, deflate: false };
    return [
      {
        ...costs,
        wireBytes: only(costs.wireBytes[at]! * 0.2 * random(), Number.POSITIVE_INFINITY),
        edgeCutMs: costs.edgeCutMs.map((ms) => 4 * ms),
        wire: {
          mode: `lossy ${sent}`,
          codecs: costs.dag.names.map((_, node) => (node === at ? lossy : codecIn("plain", node))),
          loss: only(counted, 0),
          counted,
        },
      },
    ];
  });
}

/**
 * For tests only: the same exits under several ways to choose codecs. `raw` and `jpeg` differ from `plain` in the
 * image alone; `exact` loses nothing.
 */
export function randomModes(
  random: () => number,
  exits: readonly ExitCosts[],
  modes: readonly WireMode[],
): readonly ExitCosts[] {
  const draw = () => 0.005 * (2 * random() - 1);
  const plainLoss = exits.map(({ dag }) => dag.names.map(draw));
  return modes.flatMap((mode) =>
    exits.map((costs, at): ExitCosts => {
      const isOther = (node: number): boolean =>
        mode !== "plain" && (node === 0 || (mode !== "raw" && mode !== "jpeg"));
      const varied = (values: readonly number[], by: number): number[] =>
        values.map((value, node) => (isOther(node) ? value * (1 + by * (2 * random() - 1)) : value));
      const last = costs.dag.names.length - 1;
      return {
        ...costs,
        wireBytes: varied(costs.wireBytes, 0.9),
        edgeCutMs: varied(costs.edgeCutMs, 0.9),
        cloudCutMs: varied(costs.cloudCutMs, 0.9),
        wire: {
          mode,
          codecs: costs.dag.names.map((_, node) => codecIn(mode, node)),
          loss: costs.dag.names.map((_, node) => {
            if (mode === "exact" || node === last) return 0;
            return isOther(node) ? draw() : plainLoss[at]![node]!;
          }),
        },
      };
    }),
  );
}

function codecIn(mode: WireMode, node: number): WireCodec {
  if (mode === "exact") return { codec: "float32", deflate: false };
  if (node > 0) return { codec: "uint4", deflate: mode === "deflate" };
  if (mode === "raw") return { codec: "uint8", deflate: false };
  return { codec: mode === "jpeg" ? "jpeg" : "webp", quality: 50, deflate: mode === "deflate" };
}
