// Where the photos lie. The lab knows, in TypeScript: node_modules must be there.
import { Refusal } from "./ensure.mjs";

/**
 * @param {string | undefined} dataOption a folder or an archive, as `--data` gives it
 * @returns {Promise<string | undefined>} the folder with `train` and `val`; nothing when there is none
 */
export async function findPhotos(dataOption) {
  const { register } = await import("tsx/esm/api");
  register();
  const { findPhotoFolder } = await import("../apps/lab/data/find-data.ts");
  try {
    return (await findPhotoFolder({ dataOption, env: process.env })) ?? undefined;
  } catch (error) {
    throw new Refusal(`--data: ${/** @type {Error} */ (error).message}`);
  }
}
