import { likelihood } from "#shared/optimizer";
import type { SoonestStage } from "./planning.ts";
import { DEAD_LINK_MS } from "./race.ts";

/** What is known of a reply when it is asked for; milliseconds from then on. */
export interface Awaited {
  readonly remoteMs: number;
  readonly sdMs: number;
  /** Share of replies that stall. */
  readonly late: number;
}

/**
 * How long a reply is waited for before the edge works for an answer of its own, where an engine at work lets no reply in
 * but between its parts. The wait w of least cost, over where the edge may end, e after it has begun:
 *
 *   integral of P(reply later than t) for t from 0 to w + e    whoever is first answers
 *   + P(reply between w and w + e) * half its part              it is seen when a part has ended
 *   + PRICE * integral of the same from w to w + e              the edge works as long as none has come
 *
 * Replies are normal but for those that stall. How long a stall lasts nobody has seen: it ends anywhere on a logarithmic
 * scale, from 3.5 deviations on, until a link is taken for dead.
 *
 * @param stages of the edge's own answer, one after the other
 */
export function patienceMs(
  { remoteMs, sdMs, late }: Awaited,
  stages: readonly Pick<SoonestStage, "ms" | "share" | "partsMs">[],
): number {
  const stalledMs = Math.max(1, remoteMs + FAR_Z * sdMs);
  const stalls = Math.log(DEAD_LINK_MS / stalledMs);
  const later = (ms: number): number => {
    const core =
      sdMs > 0 ? likelihood((remoteMs - ms) / sdMs, Number.NEGATIVE_INFINITY) : Number(ms < remoteMs);
    const stalled = ms <= stalledMs ? 1 : stalls > 0 ? Math.max(0, Math.log(DEAD_LINK_MS / ms)) / stalls : 0;
    return (1 - late) * core + late * stalled;
  };
  let endMs = 0;
  let squares = 0;
  const ends = stages.map(({ ms, share, partsMs }) => {
    endMs += ms;
    // Half of the part that a reply falls into: the sooner into a long one.
    squares += partsMs.reduce((sum, part) => sum + part * part, 0);
    return { afterMs: endMs, share, lookMs: endMs > 0 ? squares / endMs / 2 : 0 };
  });
  const tried = [0, ...waits(remoteMs, sdMs, stalledMs)].filter((ms) => ms >= 0);
  const waited = areaUnder(later, [
    ...tried,
    ...tried.flatMap((ms) => ends.map(({ afterMs }) => ms + afterMs)),
  ]);
  let best = { waitMs: 0, cost: Number.POSITIVE_INFINITY };
  for (const waitMs of tried) {
    let cost = 0;
    for (const { afterMs, share, lookMs } of ends) {
      const toMs = waitMs + afterMs;
      const workMs = waited.get(toMs)! - waited.get(waitMs)!;
      cost += share * (waited.get(toMs)! + (later(waitMs) - later(toMs)) * lookMs + PRICE * workMs);
    }
    if (cost < best.cost) best = { waitMs, cost };
  }
  return best.waitMs;
}

/** By each of these times: the integral of a function from 0 until then. */
function areaUnder(of: (ms: number) => number, times: readonly number[]): ReadonlyMap<number, number> {
  const areas = new Map<number, number>();
  let fromMs = 0;
  let area = 0;
  for (const toMs of times.toSorted((a, b) => a - b)) {
    area += ((toMs - fromMs) * (of(fromMs) + of(toMs))) / 2;
    fromMs = toMs;
    areas.set(toMs, area);
  }
  return areas;
}

/** To work in vain for so long is as bad as to wait for this share of it. */
const PRICE = 0.3;
/** Deviations off that are far: replies beyond have stalled. */
const FAR_Z = 3.5;

/** Waits that are tried, rising: by quarters of a deviation about the reply, then on a logarithmic scale. */
function* waits(remoteMs: number, sdMs: number, stalledMs: number): Generator<number> {
  for (let z = -FAR_Z; z <= FAR_Z; z += 0.25) yield remoteMs + z * sdMs;
  for (let ms = 1.1 * stalledMs; ms < DEAD_LINK_MS; ms *= 1.1) yield ms;
}
