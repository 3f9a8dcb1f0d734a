import { readdir } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import type { StatusLine } from "../terminal/status-line.ts";
import type { DataSet } from "./data-set.ts";
import { isImage } from "./list-images.ts";
import { type DataRequest, openData } from "./open-data.ts";

/** Height and width in pixels that photos without labels are decoded to: as those of an image folder. */
const SIZE = 160;

/**
 * Photos whose classes do not matter: any data set, else every image below the folder that `--data` names.
 *
 * @returns for a plain folder, a set of one class without validation photos
 * @throws EddiError `bad-argument` where nobody said which; as `openData` where the folder holds no image either
 */
export async function openUnlabelled(request: DataRequest, status: StatusLine): Promise<DataSet> {
  if (request.own === null && request.dataOption === undefined && !request.env.EDDI_DATA) {
    const expected = "--data: expected photos, of whatever classes: a folder of them or a published set";
    throw new EddiError("bad-argument", `${expected}; got none`);
  }
  return openData(request, status).catch(async (error: unknown) => {
    const { dataOption } = request;
    const isLayout = error instanceof EddiError && ["not-found", "bad-argument"].includes(error.code);
    const plain = isLayout && dataOption !== undefined ? await plainFolder(path.resolve(dataOption)) : null;
    if (plain === null) throw error;
    status.note(`data: ${plain.splits.train.files.length} photos without labels, in ${plain.folder}`);
    return plain;
  });
}

async function plainFolder(folder: string): Promise<DataSet | null> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const photos = names.filter((name) => isImage(path.basename(name))).sort();
  if (photos.length === 0) return null;
  const files = photos.map((name) => ({ path: path.join(folder, name), label: 0 }));
  const splits = { train: { kind: "images", files }, validation: { kind: "images", files: [] } } as const;
  return { id: "folder", labels: ["photo"], folder, size: SIZE, splits };
}
