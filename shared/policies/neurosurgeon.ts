import { latencyOf } from "#shared/evaluator";
import { chainHeads } from "./chain.ts";
import { type Decide, lastExit, leastBy } from "./policy.ts";

/**
 * Neurosurgeon (Kang et al., ASPLOS 2017): one cut of a chain of layers, of least latency, from the bandwidth and the
 * server's load of the moment. No exits, no budget, no RTT; a DAG is cut where one tensor crosses, as DADS compares with
 * it.
 *
 * Not known: error of its layer regressions (here it has the measured profile), and how bandwidth is smoothed (here it
 * has the project's own estimate). Tensors travel in the project's codecs, which it did not have: raw floats would make
 * it send the image always.
 */
export const neurosurgeon: Decide = (known) => {
  const costs = lastExit(known);
  const conditions = { ...known.conditions, rttMs: 0, queueMs: 0, downlinkBps: Number.POSITIVE_INFINITY };
  return { costs, head: leastBy(chainHeads(costs), (head) => latencyOf(costs, head, conditions).totalMs) };
};
