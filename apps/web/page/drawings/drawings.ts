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

/** Simple pictures of most of Imagenette's classes, drawn here and labelled so: they are no photos. */
export function drawings(): Promise<
  readonly { readonly label: string; readonly file: Blob; readonly url: string }[]
> {
  return Promise.all(
    Object.entries(DRAWINGS).map(async ([label, draw]) => {
      const canvas = document.createElement("canvas");
      canvas.width = SIDE;
      canvas.height = SIDE;
      draw(canvas.getContext("2d")!);
      const file = (await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", 0.9)))!;
      return { label, file, url: URL.createObjectURL(file) };
    }),
  );
}
