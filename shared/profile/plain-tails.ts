import { type Catalogue, type Model, PLAIN_CODECS, type PlainCodecName, plainName } from "#shared/model";
import { type Measurement, winningPlan } from "./measure-plan.ts";

/** A tail as a model of its own on a server that is no service of ours. */
export interface PlainTail extends Measurement {
  readonly codec: PlainCodecName;
  readonly name: string;
}

/** The tails that a model repository has: of every cut that can be best, one for each codec. */
export function plainTails(model: Model): readonly PlainTail[] {
  return winningPlan(model, "tail").flatMap((measurement) => {
    const { exit, at, segment } = measurement;
    // At the exit itself nothing is left to do.
    if (segment.nodes.length === 0) return [];
    return PLAIN_CODECS.map((codec) => {
      return { ...measurement, codec, name: plainName(model.metadata.id, exit, [at], codec) };
    });
  });
}

/** What a server has of these. */
export function catalogueOf(
  tails: readonly PlainTail[],
  has: (name: string) => boolean,
  isBinary: boolean,
): Catalogue {
  const found: Record<string, Record<string, readonly PlainCodecName[]>> = {};
  for (const { exit, at, codec, name } of tails) {
    if (!has(name)) continue;
    const own = found[exit] ?? {};
    found[exit] = { ...own, [at]: [...(own[at] ?? []), codec] };
  }
  return { tails: found, isBinary };
}
