import { EddiError } from "#shared/errors";
import { ancestors } from "#shared/graph";
import { checkWireCodec, type WireCodec } from "./codecs.ts";
import type { EarlyExit } from "./metadata.ts";
import { exitById, type Model } from "./model.ts";
import type { Segment } from "./segment.ts";

/** An exit and a head; from it follow cut and tail. */
export interface Plan {
  readonly exit: string;
  /**
   * Names of the nodes that run on the edge, the input included: closed under predecessors, within the
   * ancestors of the exit. All of them: the empty cut. The input alone: all-cloud.
   */
  readonly head: readonly string[];
  /** Exits that are asked on the way, earliest first; all their ancestors that the exit needs too are in the head. */
  readonly early?: readonly EarlyExit[];
  /** How the tensors of the cut travel, by name; those that are not named as usual. */
  readonly codecs?: Readonly<Record<string, WireCodec>>;
  /** What the edge finishes when the reply is about to be late, from the tensors that the head left; of plans with a tail. */
  readonly insurance?: Insurance;
}

/** An exit that stands in for the plan's: it has to be in time, not first. */
export interface Insurance {
  readonly exit: string;
}

/** What a plan means for a model. The tail is null when the exit lies in the head (the empty cut). */
export interface Split {
  readonly head: Segment;
  /** Tensors that cross, in topological order; empty for all-edge. */
  readonly cut: readonly string[];
  readonly tail: Segment | null;
}

/**
 * Head, cut and tail of a plan.
 *
 * @throws EddiError `bad-plan` when the head is not closed, lacks the input or leaves the exit's DAG, and when
 *   early exits are unknown, out of order, or need something that is for the cloud, and for codecs that are none, of
 *   tensors that do not cross, or that do not agree on deflate
 */
export function splitPlan(model: Model, plan: Plan): Split {
  const { dag } = model;
  const exit = dag.names.indexOf(exitById(model.metadata, plan.exit).node);
  const needed = ancestors(dag, exit);
  const named = new Set(plan.head);
  const inHead = dag.names.map((name) => named.has(name));
  const members = dag.names.filter((_, node) => inHead[node] && needed[node]);
  if (members.length !== named.size) {
    throw new EddiError("bad-plan", `head: expected distinct ancestors of ${plan.exit}, got others too`);
  }
  if (!inHead[0]) throw new EddiError("bad-plan", `head: expected the input ${dag.names[0]} in it`);
  const crosses = dag.names.map(() => false);
  dag.names.forEach((name, node) => {
    if (!needed[node]) return;
    for (const from of dag.predecessors[node]!) {
      if (inHead[node] && !inHead[from]) {
        throw new EddiError("bad-plan", `head: ${name} needs ${dag.names[from]}, which is not in it`);
      }
      if (!inHead[node] && inHead[from]) crosses[from] = true;
    }
  });
  checkEarly(model, plan, needed, inHead);
  if (plan.insurance !== undefined) checkInsurance(model, plan.insurance, inHead[exit]!);
  const cut = dag.names.filter((_, node) => crosses[node]);
  const input = dag.names[0]!;
  checkCodecs(model, plan, cut);
  const exitNode = dag.names[exit]!;
  const headNodes = members.filter((name) => name !== input);
  const tailNodes = dag.names.filter((_, node) => needed[node] && !inHead[node]);
  return {
    head: { nodes: headNodes, feeds: [input], outputs: inHead[exit] ? [exitNode] : cut },
    cut,
    tail: inHead[exit] ? null : { nodes: tailNodes, feeds: cut, outputs: [exitNode] },
  };
}

/** @throws EddiError `bad-plan`, naming the early exit */
function checkEarly(
  { dag, metadata }: Model,
  { exit, early = [] }: Plan,
  needed: readonly boolean[],
  inHead: readonly boolean[],
): void {
  const ids = metadata.exits.map(({ id }) => id);
  const final = ids.indexOf(exit);
  let before = -1;
  for (const { exit: id, threshold } of early) {
    const at = ids.indexOf(id);
    if (at <= before || at >= final) {
      const expected = `exits before ${exit}, distinct and earliest first`;
      throw new EddiError("bad-plan", `early: expected ${expected}, got ${early.map((one) => one.exit)}`);
    }
    if (!(threshold >= 0 && threshold <= 1)) {
      throw new EddiError("bad-plan", `early, ${id}: expected a threshold of 0..1, got ${threshold}`);
    }
    const above = ancestors(dag, dag.names.indexOf(metadata.exits[at]!.node));
    const missing = dag.names.find((_, node) => above[node] && needed[node] && !inHead[node]);
    if (missing !== undefined) {
      throw new EddiError("bad-plan", `early, ${id}: expected ${missing} in the head, it is for the cloud`);
    }
    before = at;
  }
}

/** @throws EddiError `bad-plan` */
function checkInsurance({ metadata }: Model, { exit }: Insurance, isAllEdge: boolean): void {
  if (isAllEdge) throw new EddiError("bad-plan", "insurance: expected none for a plan without a tail");
  const ids = metadata.exits.map(({ id }) => id);
  if (ids.includes(exit)) return;
  throw new EddiError("bad-plan", `insurance: expected one of the exits ${ids.join(", ")}, got ${exit}`);
}

/** @throws EddiError `bad-plan`, naming the tensor */
function checkCodecs({ dag, metadata }: Model, { codecs = {} }: Plan, cut: readonly string[]): void {
  for (const [name, codec] of Object.entries(codecs)) {
    if (!cut.includes(name)) {
      throw new EddiError("bad-plan", `codecs: expected tensors of the cut ${cut.join(", ")}, got ${name}`);
    }
    const rates = metadata.fitted?.[name]?.rates.length ?? 0;
    checkWireCodec(codec, name === dag.names[0], rates, (expected, came) => {
      const shown = (JSON.stringify(came) ?? "nothing").slice(0, 80);
      throw new EddiError("bad-plan", `codecs, ${name}: expected ${expected}, got ${shown}`);
    });
  }
  const deflated = new Set(Object.values(codecs).map(({ deflate }) => deflate));
  if (deflated.size > 1)
    throw new EddiError("bad-plan", "codecs: expected one body, all deflated or none, got both");
}

/**
 * The tail that lies between given tensors and an exit: what the service runs.
 *
 * @param cut names of the tensors at hand, any order
 * @throws EddiError `bad-tensor` when the tensors are not exactly the cut of some head
 */
export function tailOf(model: Model, cut: readonly string[], exitId: string): Segment {
  const { dag } = model;
  const exit = dag.names.indexOf(exitById(model.metadata, exitId).node);
  const fed = new Set(cut);
  if (fed.size !== cut.length) throw new EddiError("bad-tensor", "expected distinct tensors, got one twice");
  for (const name of cut) {
    if (!dag.names.includes(name)) {
      throw new EddiError("bad-tensor", `expected tensors of ${model.metadata.id}, got ${name}`);
    }
  }
  const inTail = dag.names.map(() => false);
  const read = new Set<string>();
  inTail[exit] = !fed.has(dag.names[exit]!);
  for (let node = exit; node >= 0; node--) {
    if (!inTail[node]) continue;
    if (node === 0) {
      const expected = read.size > 0 ? `${[...read].join(", ")} and the rest of a cut` : "a cut";
      throw new EddiError(
        "bad-tensor",
        `exit ${exitId}: expected ${expected}, got ${cut.join(", ") || "none"}`,
      );
    }
    for (const from of dag.predecessors[node]!) {
      const name = dag.names[from]!;
      if (fed.has(name)) read.add(name);
      else inTail[from] = true;
    }
  }
  const unread = cut.filter((name) => !read.has(name));
  if (unread.length > 0) {
    throw new EddiError(
      "bad-tensor",
      `exit ${exitId}: expected only tensors that its tail reads, got ${unread}`,
    );
  }
  // A fed tensor that descends from the tail would mean a head that is not closed.
  dag.names.forEach((name, node) => {
    if (!fed.has(name)) return;
    const above = ancestors(dag, node);
    const inside = dag.names.find((_, other) => above[other] && inTail[other]);
    if (inside !== undefined) {
      throw new EddiError("bad-tensor", `exit ${exitId}: ${name} needs ${inside}, which lies in the tail`);
    }
  });
  const nodes = dag.names.filter((_, node) => inTail[node]);
  return { nodes, feeds: dag.names.filter((name) => fed.has(name)), outputs: [dag.names[exit]!] };
}

/** The plan that runs everything on the edge up to an exit. */
export function allEdge(model: Model, exitId: string): Plan {
  const needed = ancestors(model.dag, model.dag.names.indexOf(exitById(model.metadata, exitId).node));
  return { exit: exitId, head: model.dag.names.filter((_, node) => needed[node]) };
}

/** The plan that sends the image. */
export function allCloud(model: Model, exitId: string): Plan {
  return { exit: exitById(model.metadata, exitId).id, head: [model.dag.names[0]!] };
}
