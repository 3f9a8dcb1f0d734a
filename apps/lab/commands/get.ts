import path from "node:path";
import { cacheDir } from "../data/find-data.ts";
import { fetchPublished } from "../get/fetch-published.ts";
import { findPublished, PUBLISHED_HELP } from "../get/published.ts";
import { addExitsCommand } from "./add-exits.ts";
import { command } from "./command.ts";
import { importCommand } from "./import.ts";
import { flag, text, whole } from "./option.ts";

export const getCommand = command({
  name: "get",
  about: `Fetches a published TF.js classifier, checks its SHA-256, imports it with its labels and range, attaches early
exits to it and trains them on photos, profiles and draws it. npm start then offers it.

${PUBLISHED_HELP}`,
  argument: { name: "MODEL", help: "one of these", read: findPublished },
  options: {
    from: text("PLACE", "folder or address of a copy, with the same hash"),
    data: text(
      "PATH",
      "photos to measure on and to train exits on, as of add-exits; without labels too (default: Imagenette)",
    ),
    photos: whole("at most so many to train exits on; 0 adds none", 0, 2000),
    epochs: whole("times that each photo is seen", 1, 3),
    repeats: whole("timings of each segment of the profiles, 0 for no profiles", 0, 5),
    out: text("DIR", "where to write, a folder named as the model (default models/MODEL)"),
    force: flag("replaces a model that is there already"),
  },
  run: async ({ argument: model, options, status }) => {
    const { from, data, photos, epochs, repeats, out = path.join("models", model.id), force } = options;
    const kept = path.join(path.dirname(cacheDir(process.env)), "models", model.id);
    const onProgress = (file: string, bytes: number) =>
      status.update(`${file}: ${(bytes / 1e6).toFixed(1)} MB`);
    const { folder, labels } = await fetchPublished(model, from, kept, { onProgress });
    status.note(`${model.id}: its files are as published, ${model.license.name}`);
    const photosFrom = data === undefined ? [] : ["--data", data];
    const timings = (count: number) => ["--repeats", `${count}`];
    await importCommand.run([
      ...[folder, "--id", model.id, "--labels", labels, "--range", model.range.join(","), "--out", out],
      ...[...photosFrom, ...timings(photos === 0 ? repeats : 0), ...(force ? ["--force"] : [])],
    ]);
    if (photos === 0) return;
    // The exits change the graph: it is profiled once, with them.
    await addExitsCommand.run([
      ...[out, "--photos", `${photos}`, "--epochs", `${epochs}`, ...photosFrom, ...timings(repeats)],
    ]);
  },
});
