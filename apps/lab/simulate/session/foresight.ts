import type { World } from "../world/world.ts";
import type { Demands } from "./demands.ts";

/** When each way of a plan would end, were the photo to take it now: nothing of it is known to a real client. */
export interface Foresight {
  /** By early exit: when it would have answered. */
  readonly askedMs: readonly number[];
  /** When the plan's exit would have answered; infinite where the service would refuse. */
  readonly endMs: number;
}

/**
 * What would become of a plan that begins at a time, for as long as nothing else is under way.
 *
 * @param photo, answer as the session numbers them
 */
export function foresee(
  world: World,
  { asks, restMs, remote }: Demands,
  { photo, answer, atMs }: { readonly photo: number; readonly answer: number; readonly atMs: number },
): Foresight {
  const { link, edge, cloud } = world;
  let now = atMs;
  const stage = (ms: number, at: number): void => {
    const run = edge.foresee(now, ms);
    now = run.endMs + edge.otherMs(run, stageKey(answer, at));
  };
  const askedMs = asks.map(({ ms }, at) => {
    stage(ms, at + 1);
    return now;
  });
  stage(restMs, asks.length + 1);
  if (remote === null) return { askedMs, endMs: now };
  const sending = link.foresee(now, world.bytesOf(remote, photo), "image");
  const served = cloud.foresee(sending.arrivesMs, remote.cloudMs);
  if (served === null) return { askedMs, endMs: Number.POSITIVE_INFINITY };
  return { askedMs, endMs: link.foreseeReply(served.endMs, remote.replyBytes, sending) };
}

/** Of what the page does for itself after a stage: 0 is decoding. */
export function stageKey(answer: number, stage: number): number {
  return 16 * answer + stage;
}
