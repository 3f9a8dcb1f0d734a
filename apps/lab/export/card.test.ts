import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../data/fixture.ts";
import { IMAGENETTE_LABELS } from "../data/imagenette.ts";
import { findArchitecture } from "../train/architectures/index.ts";
import type { Recipe } from "../train/architectures/recipe.ts";
import { writeCard } from "./card.ts";

test.for([
  ["resnet-imagenette", {}, "from random weights", "--seed 1\n"],
  [
    "resnet-imagenette",
    { startedFrom: "resnet-imagenette (0123)" },
    "from the weights of resnet-imagenette (0123)",
    "--seed 1 --start resnet-imagenette\n",
  ],
  [
    "resnet-clothing",
    { startedFrom: "resnet-imagenette (0123)" },
    "from the weights of resnet-imagenette (0123)",
    "--seed 1\n",
  ],
  ["resnet-clothing", {}, "from random weights", "--seed 1 --start random\n"],
  ["tiny", { codecBytes: 90 }, "codec that is trained along, at 90 bytes an image", "--seed 1 --codec 90\n"],
] as const)("the card of %s %o gives the command that trains it again", async ([id, given, told, end]) => {
  const scratch = await temporaryFolder();
  try {
    const architecture = findArchitecture(id);
    const recipe: Recipe = { ...architecture.recipe, ...given };
    const data = {
      id: architecture.dataSet,
      labels: IMAGENETTE_LABELS,
      size: 160,
      trainPhotos: 9469,
      isRecompressed: false,
    };
    await writeCard(scratch.folder, { architecture, trained: { recipe, data }, weights: "float16" });
    const card = await readFile(path.join(scratch.folder, "card.md"), "utf8");
    expect(card.replaceAll(/\s+/g, " ")).toContain(told);
    expect(/npm run lab -- train .*\n/.exec(card)![0].endsWith(end)).toBe(true);
  } finally {
    await scratch.remove();
  }
});
