import { parseArgs } from "node:util";
import { cacheDir } from "../data/find-data.ts";
import { getImagenette, IMAGENETTE_SOURCE } from "../data/get-imagenette.ts";
import { makeStatusLine } from "../data/status-line.ts";

const USAGE = `npm run lab -- data [options]

Downloads Imagenette (98 MB, 13,394 photos in ten classes) and unpacks it. An interrupted download
goes on where it stopped. For research use: the photos are ImageNet's.

  --dir DIR   where to (default: eddi/data in the cache folder, where every command finds it)
  --url URL   another copy of the archive; its hash must be the official one
`;

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      dir: { type: "string", default: cacheDir(process.env) },
      url: { type: "string", default: IMAGENETTE_SOURCE.url },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  const status = makeStatusLine(process.stderr, () => performance.now());
  const source = { ...IMAGENETTE_SOURCE, url: values.url };
  const got = await getImagenette({ dir: values.dir, source, status, signal: stop.signal });
  status.note(`${got.folder}: ${got.trainPhotos} training and ${got.validationPhotos} validation photos`);
}
