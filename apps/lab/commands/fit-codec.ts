import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import type { Model } from "#shared/model";
import { halves } from "../data/halves.ts";
import { holdBack, thinned } from "../data/held-back.ts";
import type { Photos } from "../data/photos.ts";
import { besideReported, exitsBehind, measureFitted } from "../evaluate/codec-costs.ts";
import { openForPhotos } from "../evaluate/open-for-photos.ts";
import { withSection } from "../files/card-section.ts";
import { readModelFolder } from "../files/model-folder.ts";
import { fitCodec } from "../fit-codec/fit-codec.ts";
import { curveFile, fittedCurve, fittedSection } from "../fit-codec/fitted-section.ts";
import { packCodec, storeCodec } from "../fit-codec/store-codec.ts";
import { renewVerdicts } from "../simulate/verdicts/record-verdicts.ts";
import { bar } from "../terminal/status-line.ts";
import { command } from "./command.ts";
import { parsed, required, text, whole } from "./option.ts";
import { backendOption, dataOption, jsonOption, modelArgument, printJson } from "./shared-options.ts";

export const fitCodecCommand = command({
  name: "fit-codec",
  about: `Fits a codec to one tensor and stores it with the model: the principal components of the tensor's blocks on
training photos, told in steps, by a range coder with static tables. For each loss that is tolerated it takes the coarsest
step that keeps it on the training photos held back from training; validation photos then tell bytes and losses, on the half that plans choose by and on the other. Plans
use it where the cut lies there. The model becomes another version of the same weights and verdicts.`,
  argument: modelArgument,
  options: {
    tensor: required(text("NODE", "whose tensor; not the image")),
    rates: parsed("POINTS", "top-1 that may be lost, in points, one for each rate", readLosses, "0.3,0.5,1"),
    photos: whole("of each half of the validation photos, evenly spread, that losses are told of", 1, 1000),
    data: dataOption,
    backend: backendOption,
    json: jsonOption,
  },
  run: async ({ argument: { folder }, options, status }) => {
    const { tensor: name, rates: losses, photos: count, json } = options;
    const { segments, backend, load } = await openForPhotos(folder, options, status);
    const { model } = segments;
    checkTensor(model, name);
    const photos = holdBack(await load("train"));
    const onProgress = (what: string, share: number) =>
      status.update(`${bar(share)} ${what} of ${name}: ${Math.round(100 * share)} %`);
    const fitted = await fitCodec({ segments, name, ...photos, losses, onProgress });
    const parted = halves(await load("validation"));
    const [chosenOn, reportedOn] = [thinned(parted.chosenOn, count), thinned(parted.reportedOn, count)];
    const measuredOn = (photos: Photos, what: string) =>
      measureFitted(segments, photos, name, fitted.coders, (share) => onProgress(what, share));
    const measured = besideReported(
      { [name]: await measuredOn(chosenOn, "choosing") },
      { [name]: await measuredOn(reportedOn, "reporting") },
    );
    const photosTold = { chosenOn: chosenOn.count, reportedOn: reportedOn.count };
    const stored = packCodec(name, fitted, measured[name]!);
    await storeCodec(folder, name, stored);
    // Neither nodes nor weights are others.
    const isRenewed = await renewVerdicts(folder, model, await readModelFolder(folder));
    const section = fittedSection(model, name, stored, fitted, photosTold);
    const curve = fittedCurve(model, name, stored, fitted.tried);
    await writeFile(path.join(folder, curveFile(stored.fitted)), curve);
    const card = path.join(folder, "card.md");
    await writeFile(`${card}.part`, withSection(await readFile(card, "utf8"), `Codec of ${name}`, section));
    await rename(`${card}.part`, card);
    if (json) {
      const { bytes, fitted: codec } = stored;
      const tried = fitted.tried.map(({ step, cost, loss }) => ({ ...cost, step, fittedLoss: loss }));
      const of = { model: model.metadata.id, backend, tensor: name, photos: photosTold };
      printJson({ ...of, shardBytes: bytes.length, codec, tried });
    } else process.stdout.write(`${section}\n`);
    status.note(
      isRenewed ? "verdicts: taken over, they are what they were" : "verdicts: none of this version",
    );
  },
});

/** @throws EddiError `bad-argument` for a tensor that no codec can be fitted to */
function checkTensor(model: Model, name: string): void {
  const { tensors, input } = model.metadata;
  const [image, ...names] = model.dag.names;
  const shape = Object.hasOwn(tensors, name) ? tensors[name]!.shape : [];
  if (name !== image && names.includes(name) && exitsBehind(model, name).length > 0) {
    if ([1, 3].includes(shape.length)) return;
    throw new EddiError("bad-argument", `--tensor: expected a map or a vector, got ${name} of [${shape}]`);
  }
  const known = names.filter((one) => exitsBehind(model, one).length > 0).join(", ");
  const why = name === input.node ? " (images have JPEG and WebP)" : "";
  throw new EddiError("bad-argument", `--tensor: expected one of ${known}, got ${name}${why}`);
}

function readLosses(given: string, option: string): readonly number[] {
  const losses = given.split(",").map(Number);
  const isRight = given.trim() !== "" && losses.every((points) => points >= 0 && points <= 100);
  if (isRight) return losses.map((points) => points / 100);
  throw new EddiError("bad-argument", `${option}: expected points of 0 to 100, as 0.3,1, got ${given}`);
}
