import { joinElements, type WireTensor } from "#shared/protocol";
import { randomFrom } from "#shared/random";
import type { BatchItem, ItemResult } from "../worker-messages/tail-messages.ts";

// For tests only.

/** What coders of the tensor, of its shape or of another rate made of the same values. */
interface Streams {
  readonly own: Uint8Array;
  readonly otherRate: Uint8Array;
  readonly otherModel: Uint8Array;
  /** The right coder's of values that no model has: whole, so it is decoded. */
  readonly wild: Uint8Array;
}

type Damage = (streams: Streams, random: () => number) => Uint8Array;

const DAMAGES = {
  truncated: ({ own }, random) => own.slice(0, Math.floor(random() * own.length)),
  "too long": ({ own }, random) => {
    const more = Array.from({ length: 1 + Math.floor(random() * 300) }, () => Math.floor(random() * 256));
    return Uint8Array.from([...own, ...more]);
  },
  "all 0": ({ own }) => own.map(() => 0),
  "all 255": ({ own }) => own.map(() => 255),
  flipped: ({ own }, random) => {
    const flipped = own.slice();
    const at = Math.floor(random() * own.length);
    flipped[at]! ^= 1 + Math.floor(random() * 255);
    return flipped;
  },
  "any bytes": ({ own }, random) => own.map(() => Math.floor(random() * 256)),
  "of another rate": ({ otherRate }) => otherRate,
  "of another model": ({ otherModel }) => otherModel,
  wild: ({ wild }) => wild,
} satisfies Record<string, Damage>;

const COUNT = 10_000;
const AT_ONCE = 500;

interface Outcome {
  /** By what was done to them: how many streams were refused. */
  readonly refused: Readonly<Record<string, number>>;
  /** Those that were not. */
  readonly decoded: readonly { readonly how: string; readonly tensor: WireTensor }[];
}

/**
 * Has 10,000 seeded damaged streams of a tensor run, as requests that come together.
 *
 * @param run       as a worker does
 * @param name      of the tensor
 * @param streamsOf of a seed; the streams of rate 1
 * @throws Error for one that is refused in another way than as the client's fault, or leads to scores that are no numbers
 */
export async function runDamaged(
  run: (items: readonly BatchItem[]) => Promise<readonly ItemResult[]>,
  name: string,
  streamsOf: (seed: number) => Streams,
): Promise<Outcome> {
  const ways = Object.entries<Damage>(DAMAGES);
  const refused: Record<string, number> = {};
  const decoded: { how: string; tensor: WireTensor }[] = [];
  for (let from = 0; from < COUNT; from += AT_ONCE) {
    const damaged = Array.from({ length: AT_ONCE }, (_, more) => {
      const seed = from + more;
      const [how, damage] = ways[seed % ways.length]!;
      const data = joinElements([damage(streamsOf(seed), randomFrom(seed))]);
      return { how, tensor: { name, datatype: "BYTES", shape: [1], data } as const };
    });
    const parameters = { [`linear.${name}`]: 1 };
    const results = await run(damaged.map(({ tensor }) => ({ tensors: [tensor], parameters })));
    for (const [at, result] of results.entries()) {
      const { how } = damaged[at]!;
      if ("outputs" in result) {
        if (!result.outputs.every(({ values }) => values.every(Number.isFinite))) throw new Error(how);
        decoded.push(damaged[at]!);
      } else if (result.code === "bad-tensor") refused[how] = (refused[how] ?? 0) + 1;
      else throw new Error(`${how}, seed ${from + at}: ${result.code}, ${result.message}`);
    }
  }
  return { refused, decoded };
}
