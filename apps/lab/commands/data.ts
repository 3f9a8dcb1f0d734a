import { parseArgs } from "node:util";
import { EddiError } from "#shared/errors";
import { cacheDir } from "../data/find-data.ts";
import { countPhotos, getDataSet } from "../data/get-data-set.ts";
import { findOfficialSet } from "../data/official-sets.ts";
import { makeStatusLine } from "../terminal/status-line.ts";

const USAGE = `npm run lab -- data [imagenette | cifar10] [options]

Downloads the official archive of a data set, checks its MD5 and unpacks it. An interrupted download goes on
where it stopped.

  imagenette  13,394 photos at 160 pixels in ten classes (98 MB); ImageNet's, for research use. The default
  cifar10     60,000 images of 32x32 pixels in ten classes (170 MB); no licence, cite Krizhevsky 2009

  --dir DIR   where to (default: eddi/data in the cache folder, where every command finds it)
  --url URL   another copy of the archive; its hash must be the official one

Your own photos need no command: give --data a folder, {train,val}/CLASS/* or CLASS/* (jpg, jpeg, png, webp).
Of the latter every tenth photo of a class is for validation.
`;

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      dir: { type: "string", default: cacheDir(process.env) },
      url: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const [id = "imagenette", ...more] = positionals;
  if (more.length > 0) {
    throw new EddiError("bad-argument", `expected one data set, got ${positionals.join(" ")}`);
  }
  const set = findOfficialSet(id);
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  const status = makeStatusLine(process.stderr, () => performance.now());
  const url = values.url ?? set.source.url;
  const got = await getDataSet({ dir: values.dir, set, url, status, signal: stop.signal });
  const [train, validation] = [await countPhotos(got, "train"), await countPhotos(got, "validation")];
  status.note(`${got.folder}: ${train} training and ${validation} validation photos`);
}
