import { EddiError } from "#shared/errors";
import type { Model } from "#shared/model";
import { halves } from "../data/halves.ts";
import { holdBack, thinned } from "../data/held-back.ts";
import { exitsBehind } from "../evaluate/codec-costs.ts";
import { openForPhotos } from "../evaluate/open-for-photos.ts";
import { finishCodec } from "../fit-codec/finish-codec.ts";
import { fitCodec } from "../fit-codec/fit-codec.ts";
import { bar } from "../terminal/status-line.ts";
import { lossesOption, printFinished } from "./codec-output.ts";
import { command } from "./command.ts";
import { required, text, whole } from "./option.ts";
import { backendOption, dataOption, jsonOption, modelArgument } from "./shared-options.ts";

export const fitCodecCommand = command({
  name: "fit-codec",
  about: `Fits a codec to one tensor and stores it with the model: the principal components of the tensor's blocks on
training photos, told in steps, by a range coder with static tables. For each loss that is tolerated it takes the coarsest
step that keeps it on the training photos held back from training; validation photos then tell bytes and losses, on the half that plans choose by and on the other. Plans
use it where the cut lies there. The model becomes another version of the same weights and verdicts.`,
  argument: modelArgument,
  options: {
    tensor: required(text("NODE", "whose tensor; not the image")),
    rates: lossesOption("top-1 that may be lost, in points, one for each rate", "0.3,0.5,1"),
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
    const fitted = await fitCodec({ segments, name, ...photos, losses, way: null, onProgress });
    const parted = halves(await load("validation"));
    const measuredOn = {
      chosenOn: thinned(parted.chosenOn, count),
      reportedOn: thinned(parted.reportedOn, count),
    };
    const ready = { folder, segments, name, fitted, learned: null };
    const finished = await finishCodec(ready, measuredOn, onProgress);
    printFinished(finished, fitted, { model: model.metadata.id, backend, tensor: name }, json, status);
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
