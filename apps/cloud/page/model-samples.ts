import { toEddiError } from "#shared/errors";
import type { Folder } from "../files/folder.ts";
import type { Registry } from "../models/registry.ts";
import type { Samples } from "./samples.ts";

/** Folder of a model's own photos, beside its file. */
const FOLDER = "samples";

/** As a file is called: by what it shows, and perhaps a number. */
const PHOTO = /^([^./\\]+?)(-\d+)?\.jpe?g$/i;

/**
 * Photos that come with a model, for models that know what usual photos do not show: `samples/LABEL.jpg` in its folder,
 * `samples/LABEL-2.jpg` for another one.
 *
 * @param id as somebody says; none of a model that is not served
 * @throws EddiError `unavailable` when the file system does not answer
 */
export async function modelSamples(
  models: Folder,
  registry: Registry,
  id: unknown,
): Promise<Samples["index"]["photos"]> {
  if (typeof id !== "string" || !isServed(registry, id)) return [];
  const entries = await models.list(`${id}/${FOLDER}`).catch((thrown: unknown) => {
    const error = toEddiError(thrown);
    if (error.code === "unavailable") throw error;
    return [];
  });
  return entries.flatMap(({ name, kind }) => {
    const label = kind === "file" ? PHOTO.exec(name)?.[1] : undefined;
    if (label === undefined) return [];
    return [{ url: `/samples/models/${encodeURIComponent(id)}/${encodeURIComponent(name)}`, label }];
  });
}

/** A photo of each other model that has some, to lead there. What cannot be read has none. */
export async function otherSamples(
  models: Folder,
  registry: Registry,
  id: unknown,
): Promise<readonly { readonly model: string; readonly url: string }[]> {
  const ids = new Set(registry.models().map(({ files }) => files.id));
  const found = [...ids].sort().map(async (model) => {
    const photos = model === id ? [] : await modelSamples(models, registry, model).catch(() => []);
    return photos.slice(0, 1).map(({ url }) => ({ model, url }));
  });
  return (await Promise.all(found)).flat();
}

/** Where such a photo lies below the models' folder; null for what is none, of no model that is served. */
export function modelSamplePath(registry: Registry, id: string, name: string): string | null {
  return isServed(registry, id) && PHOTO.test(name) ? `${id}/${FOLDER}/${name}` : null;
}

const isServed = (registry: Registry, id: string): boolean =>
  registry.models().some(({ files }) => files.id === id);
