import { cacheDir } from "../data/find-data.ts";
import { countPhotos, getDataSet } from "../data/get-data-set.ts";
import { findOfficialSet } from "../data/official-sets.ts";
import { command } from "./command.ts";
import { text } from "./option.ts";

export const dataCommand = command({
  name: "data",
  about: `Downloads the official archive of a data set, checks its MD5 and unpacks it. An interrupted download goes on
where it stopped.

  imagenette  13,394 photos at 160 pixels in ten classes (98 MB); ImageNet's, for research use. The default
  cifar10     60,000 images of 32x32 pixels in ten classes (170 MB); no licence, cite Krizhevsky 2009
  clothing    3,781 photos of garments in ten classes (CC0): no archive of it has a published hash, this says where it is`,
  argument: {
    name: "imagenette | cifar10 | clothing",
    ifNone: () => findOfficialSet("imagenette"),
    read: findOfficialSet,
  },
  options: {
    dir: text(
      "DIR",
      "where to (default: eddi/data in the cache folder, where every command finds it)",
      cacheDir(process.env),
    ),
    url: text("URL", "another copy of the archive; its hash must be the official one"),
  },
  more: `Your own photos need no command: give --data a folder, {train,val}/CLASS/* or CLASS/* (jpg, jpeg, png, webp).
Of the latter every tenth photo of a class is for validation.`,
  run: async ({ argument: set, options: { dir, url }, status }) => {
    const stop = new AbortController();
    process.once("SIGINT", () => stop.abort());
    const got = await getDataSet({ dir, set, url, status, signal: stop.signal });
    const [train, validation] = [await countPhotos(got, "train"), await countPhotos(got, "validation")];
    status.note(`${got.folder}: ${train} training and ${validation} validation photos`);
  },
});
