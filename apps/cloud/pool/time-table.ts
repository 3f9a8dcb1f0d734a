import type { Segment } from "#shared/model";
import type { Tail } from "../tails/executor.ts";
import { type BatchLine, TailTimes } from "../tails/tail-times.ts";
import type { Warmed } from "../worker-messages/tail-messages.ts";

/** Kinds that are remembered: clients may cut a model in many places. */
const MAX_KINDS = 2048;
/** Of a model that nobody has warmed. */
const UNKNOWN: BatchLine = { fixedMs: 0, perImageMs: 10 };

/** Segments come again and again as the same objects. */
const kinds = new WeakMap<Segment, { readonly model: string; readonly kind: string }>();

/** Jobs of one kind run the same operations: they can run as one batch, and take as long. */
export function kindOf({ model, segment }: Tail): string {
  const known = kinds.get(segment);
  if (known?.model === model) return known.kind;
  const kind = JSON.stringify([model, segment.feeds, segment.outputs]);
  kinds.set(segment, { model, kind });
  return kind;
}

/** The times of all kinds of tails. */
export class TimeTable {
  private readonly kinds = new Map<string, TailTimes>();
  private readonly models = new Map<string, Warmed>();

  /** @param one what warming a model told; that of the latest worker counts for kinds that are yet to come */
  warmed(one: Warmed): void {
    this.models.set(one.model, one);
  }

  /** Of a kind that has not run yet: the model's own, by its share of the nodes. */
  of(tail: Tail): TailTimes {
    const kind = kindOf(tail);
    let times = this.kinds.get(kind);
    if (times === undefined) times = new TailTimes(this.prior(tail));
    else this.kinds.delete(kind);
    // The oldest is the one that was asked for the longest time ago.
    this.kinds.set(kind, times);
    if (this.kinds.size > MAX_KINDS) this.kinds.delete(this.kinds.keys().next().value!);
    return times;
  }

  private prior({ model, segment }: Tail): BatchLine {
    const whole = this.models.get(model);
    if (whole === undefined) return UNKNOWN;
    const share = Math.max(1, segment.nodes.length) / whole.nodes;
    return { fixedMs: share * whole.line.fixedMs, perImageMs: share * whole.line.perImageMs };
  }
}
