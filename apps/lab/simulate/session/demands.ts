import { costsOf, type ExitCosts, headMembers, lossOver } from "#shared/evaluator";
import { type EarlyExit, HEADER_BYTES, type Plan, type Transport } from "#shared/model";
import type { RequestBytes } from "../world/world.ts";

/** What a plan asks of edge, link and cloud, by the profiles alone; what it really takes the world decides. */
export interface Demands {
  readonly plan: Plan;
  readonly exit: string;
  /** Positions of early exits among the model's, with the milliseconds of the edge from the one before. */
  readonly asks: readonly (EarlyExit & { readonly ms: number })[];
  /** From the last early exit to the head's end, its cut read back and encoded; all the way where there is no cut. */
  readonly restMs: number;
  /** Whether anything runs in it; the cut is read back and encoded anyway. */
  readonly restComputes: boolean;
  /** Null for all-edge. */
  readonly remote: RemoteDemands | null;
  /** Nodes that the edge has run by the head's end: of the head, and of early exits. */
  readonly ran: ReadonlySet<string>;
}

export interface RemoteDemands extends RequestBytes {
  readonly cut: readonly string[];
  /** Of the first tensor of the cut, in words. */
  readonly codec: string;
  readonly replyBytes: number;
  readonly cloudMs: number;
  /** Top-1 that the cut's codecs cost the exit, 0..1. */
  readonly loss: number;
}

/**
 * @param costs of all exits and wire modes
 * @throws EddiError `bad-plan` when the head is none of the exit's
 */
export function demandsOf(costs: readonly ExitCosts[], plan: Plan, transport: Transport): Demands {
  const own = costsOf(costs, plan)!;
  const head = headMembers(own, plan.head);
  const { names, successors } = own.dag;
  const ran = new Set<string>([names[0]!]);
  const early = (plan.early ?? []).map((asked) => {
    const exit = costs.find((one) => one.exit === asked.exit)!;
    return { ...asked, ms: exit.edgeFixedMs + runNodes(exit, () => true, ran) };
  });
  const computes = head.some((member, node) => member && !ran.has(names[node]!));
  let restMs = runNodes(own, (node) => head[node]!, ran) + (computes ? own.edgeFixedMs : 0);
  const crosses = (node: number): boolean => head[node]! && successors[node]!.some((reader) => !head[reader]);
  const cut = names.flatMap((_, node) => (crosses(node) ? [node] : []));
  restMs += cut.reduce((sum, node) => sum + own.edgeCutMs[node]!, 0);
  return {
    plan,
    exit: plan.exit,
    asks: early,
    restMs,
    restComputes: computes,
    remote: cut.length === 0 ? null : remoteOf(own, head, cut, transport),
    ran,
  };
}

function remoteOf(
  costs: ExitCosts,
  head: readonly boolean[],
  cut: readonly number[],
  transport: Transport,
): RemoteDemands {
  const { dag, wire, cloudMs, cloudCutMs, cloudFixedMs, wireBytes, requestBytes, resultBytes } = costs;
  const first = wire?.codecs[cut[0]!];
  const sum = (values: readonly number[]): number => cut.reduce((total, node) => total + values[node]!, 0);
  return {
    cut: cut.map((node) => dag.names[node]!),
    codec: first === undefined ? "unknown" : `${first.codec}${first.deflate ? "+deflate" : ""}`,
    varies: first?.deflate === true || first?.quality !== undefined,
    bytes: requestBytes + sum(wireBytes),
    fixedBytes: Math.min(requestBytes, HEADER_BYTES[transport].request),
    replyBytes: resultBytes,
    cloudMs:
      cloudFixedMs + sum(cloudCutMs) + cloudMs.reduce((all, ms, node) => all + (head[node] ? 0 : ms), 0),
    loss: lossOver(costs, (node) => cut.includes(node)),
  };
}

/** Milliseconds of an exit's nodes that have not run yet; they have then. */
function runNodes({ dag, edgeMs }: ExitCosts, wanted: (node: number) => boolean, ran: Set<string>): number {
  let ms = 0;
  for (const [node, name] of dag.names.entries()) {
    if (!wanted(node) || ran.has(name)) continue;
    ran.add(name);
    ms += edgeMs[node]!;
  }
  return ms;
}
