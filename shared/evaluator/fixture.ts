import { ancestors, subgraph } from "#shared/graph";
import type { Conditions } from "#shared/model";
import { randomDag } from "../graph/fixture.ts";
import type { ExitCosts } from "./exit-costs.ts";

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
    },
  };
}
