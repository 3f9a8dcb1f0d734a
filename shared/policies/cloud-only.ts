import { isImageCodec } from "#shared/codecs";
import type { ExitCosts } from "#shared/evaluator";
import { allCloudHead, type Decide, inMode, type Known } from "./policy.ts";

/**
 * The trivial one of every web app: the image goes up, the full model answers. What is sent is the image's pixels of 8
 * bits (`raw`), or a file of the quality that was measured to cost the model at most half a point.
 */
export function cloudOnly(image: "raw" | "jpeg" | "webp"): Decide {
  return (known) => {
    const costs = imageAs(known, image);
    return { costs, head: allCloudHead(costs) };
  };
}

/** The last exit in the wire mode that sends the image so; else in the one of most bytes. */
function imageAs({ costs }: Known, image: "raw" | "jpeg" | "webp"): ExitCosts {
  const last = Math.max(...costs.map(({ position }) => position));
  const own = costs.filter(({ position, wire }) => position === last && wire?.mode !== "deflate");
  const found = own.find(({ wire }) => {
    const codec = wire?.codecs[0]?.codec;
    if (codec === undefined) return false;
    return image === "raw" ? !isImageCodec(codec) : codec === image;
  });
  return found ?? inMode(costs, "plain").find(({ position }) => position === last)!;
}
