import type { Drawing } from "../talk/drawings.ts";
import { church, garbageTruck, golfBall, parachute, tench } from "./outdoors.ts";
import { type Pen, SIDE } from "./pen.ts";
import { cassettePlayer, chainSaw, frenchHorn, gasPump } from "./things.ts";

const DRAWINGS: Readonly<Record<string, (pen: Pen) => void>> = {
  "golf ball": golfBall,
  church,
  tench,
  "chain saw": chainSaw,
  parachute,
  "cassette player": cassettePlayer,
  "garbage truck": garbageTruck,
  "French horn": frenchHorn,
  "gas pump": gasPump,
};

/** Simple pictures of most of Imagenette's classes, drawn here and labelled so: they are no photos. Each as it is ready. */
export async function* drawings(): AsyncGenerator<Drawing> {
  for (const [label, draw] of Object.entries(DRAWINGS)) {
    const canvas = new OffscreenCanvas(SIDE, SIDE);
    draw(canvas.getContext("2d")!);
    const file = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
    yield { label, file, url: new FileReaderSync().readAsDataURL(file) };
  }
}
