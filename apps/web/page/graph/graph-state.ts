import type { Plan } from "#shared/model";
import type { Answer, ModelSummary } from "../../talk/edge.ts";
import type { NodeFacts } from "../../talk/optimizer.ts";
import { formatBytes } from "../words/format.ts";
import { neededFor } from "../words/way.ts";
import type { Block } from "./fold.ts";

export type Place = "phone" | "cloud" | "unused";

/** A block as it is drawn. */
export interface DrawnBlock extends Block {
  readonly place: Place;
  /** Share of its nodes that the phone ran: below 1 where the cut goes through it. */
  readonly share: number;
  /** Bytes that a cut behind it would send; null where that is not known. */
  readonly bytes: number | null;
  readonly phoneMs: number;
  readonly cloudMs: number;
}

/** The model's trunk, where it runs, and what is sent between. */
export interface GraphState {
  readonly blocks: readonly DrawnBlock[];
  /** Blocks before the cut: 0 for all in the cloud; fractions where it goes through one; null: nothing is cut. */
  readonly cut: number | null;
  readonly cutBytes: number;
  /** That answered, or is to. */
  readonly exit: string;
  /** The backup's exit. */
  readonly backup: string | null;
  /** Bytes of the photo as it would be sent. */
  readonly imageBytes: number | null;
}

/** What of the model ran where, or is to. */
interface Run {
  readonly here: ReadonlySet<string>;
  readonly there: ReadonlySet<string>;
  readonly exit: string;
  readonly backup: string | null;
  readonly bytes: number;
}

export function stateOfAnswer(
  answer: Pick<Answer, "here" | "there" | "exit" | "requestBytes" | "plan" | "source">,
  blocks: readonly Block[],
  facts: readonly NodeFacts[],
): GraphState {
  const { here, there, exit, requestBytes, plan, source } = answer;
  const backup = source === "cloud" ? (plan.insurance?.exit ?? null) : null;
  const bytes = source === "cloud" ? requestBytes : 0;
  return draw({ here: new Set(here), there: new Set(there), exit, backup, bytes }, blocks, facts);
}

export function stateOfPlan(
  plan: Plan,
  bytes: number,
  model: ModelSummary,
  blocks: readonly Block[],
  facts: readonly NodeFacts[],
): GraphState {
  const here = new Set(plan.head);
  const there = new Set(neededFor(plan.exit, model).filter((name) => !here.has(name)));
  const backup = plan.insurance?.exit ?? null;
  return draw({ here, there, exit: plan.exit, backup, bytes }, blocks, facts);
}

function draw(
  { here, there, exit, backup, bytes }: Run,
  blocks: readonly Block[],
  facts: readonly NodeFacts[],
): GraphState {
  const byName = new Map(facts.map((fact) => [fact.name, fact]));
  const drawn = blocks.map((block): DrawnBlock => {
    const ran = block.nodes.filter((name) => here.has(name) && !there.has(name)).length;
    const inCloud = block.nodes.some((name) => there.has(name));
    const sum = (ms: (fact: NodeFacts) => number): number =>
      block.nodes.reduce((total, name) => total + (byName.has(name) ? ms(byName.get(name)!) : 0), 0);
    return {
      ...block,
      place: ran > 0 ? "phone" : inCloud ? "cloud" : "unused",
      share: ran === 0 ? 0 : inCloud ? ran / block.nodes.length : 1,
      bytes: byName.get(block.nodes.at(-1)!)?.sentBytes ?? null,
      phoneMs: sum(({ edgeMs }) => edgeMs),
      cloudMs: sum(({ cloudMs }) => cloudMs),
    };
  });
  const cut = there.size === 0 ? null : drawn.reduce((sum, { share }) => sum + share, 0);
  return { blocks: drawn, cut, cutBytes: bytes, exit, backup, imageBytes: facts[0]?.sentBytes ?? null };
}

/** The whole drawing in a sentence. */
export function graphWords({ blocks, cut, cutBytes, backup }: GraphState): string {
  const last = blocks.findLast(({ place }) => place !== "unused")?.number ?? 0;
  const insured = backup === null ? "" : " A backup is ready on your phone.";
  if (cut === null) return `Blocks 1 to ${last} run on your phone; nothing is sent.`;
  if (cut === 0)
    return `All blocks run in the cloud, which gets the photo, ${formatBytes(cutBytes)}.${insured}`;
  const whole = Math.floor(cut);
  const part = cut > whole ? ` and a part of block ${whole + 1}` : "";
  const here = whole === 0 ? `A part of block 1 runs` : `Blocks 1 to ${whole}${part} run`;
  return `${here} on your phone, ${formatBytes(cutBytes)} are sent, the cloud does the rest up to block ${last}.${insured}`;
}
