import { codecsOf, lossOver } from "#shared/evaluator";
import type { EarlyExit, Plan } from "#shared/model";
import type { LivePlanner } from "#shared/optimizer";
import type { ModelVerdicts } from "../verdicts/verdicts.ts";

type Option = LivePlanner["options"][number];

/** Options that ask the same exits and choose from the same heads: only their thresholds differ. */
export interface Ways {
  /** Of the profile, by early exit: from the one before. */
  readonly askMs: readonly number[];
  readonly heads: readonly HeadWay[];
  readonly options: readonly OptionWay[];
}

export interface HeadWay {
  readonly plan: Omit<Plan, "early">;
  /** Of the profile: from the last early exit to the head's end. */
  readonly restMs: number;
  readonly isRemote: boolean;
  readonly cloudMs: number;
  readonly replyBytes: number;
  readonly bytes: number;
  readonly varies: boolean;
  /** Top-1 that the cut's codecs cost. */
  readonly loss: number;
}

export interface OptionWay {
  readonly early: readonly EarlyExit[];
  /** By early exit, and at the end those whom none answers: share of all photos. */
  readonly shares: readonly number[];
  /** The same of those that are answered rightly. */
  readonly rightShares: readonly number[];
  /** Top-1 where nothing travels, and whichever tensor does. */
  readonly accuracy: number;
  readonly promised: number;
}

/** All ways there are to answer, from a planner's options and what the exits said of all photos. */
export function listWays({ options }: LivePlanner, verdicts: ModelVerdicts): readonly Ways[] {
  const groups = new Map<string, { first: Option; options: OptionWay[] }>();
  const envelopes = new Map<unknown, number>();
  for (const option of options) {
    if (!envelopes.has(option.envelope)) envelopes.set(option.envelope, envelopes.size);
    const key = `${envelopes.get(option.envelope)} ${option.early.map(({ exit }) => exit).join()}`;
    const group = groups.get(key) ?? { first: option, options: [] };
    group.options.push(optionWay(option, verdicts));
    groups.set(key, group);
  }
  return [...groups.values()].map(({ first, options: own }) => ({
    askMs: Array.from(first.answerMs, (ms, at) => ms - (at === 0 ? 0 : first.answerMs[at - 1]!)),
    heads: headWays(first),
    options: own,
  }));
}

function optionWay({ costs, early, accuracy, promised }: Option, verdicts: ModelVerdicts): OptionWay {
  const asked = [...early, { exit: costs.exit, threshold: 0 }].map(({ exit, threshold }) => ({
    threshold,
    said: verdicts.exits.find((one) => one.exit === exit)!,
  }));
  const shares = asked.map(() => 0);
  const rightShares = asked.map(() => 0);
  for (let photo = 0; photo < verdicts.photos; photo++) {
    const by = asked.findIndex(({ threshold, said }) => said.confidence[photo]! >= threshold);
    shares[by]! += 1 / verdicts.photos;
    if (asked[by]!.said.right[photo]) rightShares[by]! += 1 / verdicts.photos;
  }
  return { early, shares, rightShares, accuracy: accuracy ?? 0, promised: promised ?? 0 };
}

function headWays({ costs, envelope, extraMs, answerMs }: Option): readonly HeadWay[] {
  const { dag, wire, resultBytes } = costs;
  const askedMs = answerMs.at(-1) ?? 0;
  return envelope.heads.map((member, at): HeadWay => {
    const crosses = (node: number): boolean =>
      member[node] === 1 && dag.successors[node]!.some((reader) => member[reader] === 0);
    const cut = dag.names.filter((_, node) => crosses(node));
    const codecs = codecsOf(costs, cut);
    const first = wire?.codecs[dag.names.indexOf(cut[0] ?? "")];
    return {
      plan: {
        exit: costs.exit,
        head: dag.names.filter((_, node) => member[node] === 1),
        ...(codecs === undefined ? {} : { codecs }),
      },
      restMs: envelope.edgeMs[at]! + extraMs - askedMs,
      isRemote: envelope.remote[at] === 1,
      cloudMs: envelope.cloudMs[at]!,
      replyBytes: resultBytes,
      bytes: envelope.bytes[at]!,
      varies: first?.deflate === true || first?.quality !== undefined,
      loss: lossOver(costs, crosses),
    };
  });
}
