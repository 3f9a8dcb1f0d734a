import type { ImageCodecName } from "#shared/codecs";
import { EddiError } from "#shared/errors";
import type { Model } from "#shared/model";
import type { Timing } from "../../talk/edge.ts";
import type { Engine } from "../engine/engine.ts";
import { engineStopwatch } from "./stopwatch.ts";

/**
 * Milliseconds that a part of an answer takes here, once an engine is chosen.
 *
 * @throws EddiError `unavailable` without an engine, `bad-weights` when a segment's nodes are not ready,
 *   `bad-argument` when the model has none of that name
 */
export async function timePart(
  what: Timing,
  model: Model,
  chosen: () => Promise<Engine | null>,
  imageCodecs: readonly ImageCodecName[],
): Promise<number> {
  if (what.part === "whole" || what.part === "inside") {
    const { nodes, feeds, outputs } = what.segment;
    const { names } = model.dag;
    const unknown = [...nodes, ...feeds, ...outputs].find((name) => !names.includes(name));
    if (unknown !== undefined)
      throw new EddiError("bad-argument", `segment: expected nodes of the model, got ${unknown}`);
  }
  const engine = await chosen();
  if (engine === null) throw new EddiError("unavailable", "no TF.js backend works on this device");
  const watch = engineStopwatch(engine, imageCodecs);
  if (what.part === "move") return watch.move(what.elements, what.runs);
  if (what.part === "code") return watch.code(what.codec, what.elements, what.runs);
  if (what.part === "deflate") return watch.deflate(what.bytes, what.runs);
  if (what.part === "image") return watch.image(what.codec, what.size, what.runs);
  return watch[what.part](what.segment, what.runs);
}
