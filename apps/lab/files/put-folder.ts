import { rename, rm } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import { makeFolder } from "./make-folder.ts";

/**
 * Writes a folder beside its place, then puts it there: it is whole or absent, and one that was there is gone only
 * when the new one is there.
 *
 * @param write fills a new folder; nothing is left behind when it throws
 * @throws EddiError `bad-argument` when the place cannot be written, and what `write` throws
 */
export async function putFolder<T>(folder: string, write: (draft: string) => Promise<T>): Promise<T> {
  const parent = path.dirname(path.resolve(folder));
  const name = path.basename(path.resolve(folder));
  const [draft, old] = [path.join(parent, `.${name}.part`), path.join(parent, `.${name}.old`)];
  await rm(draft, { recursive: true, force: true });
  try {
    const result = await write(draft);
    await rm(old, { recursive: true, force: true });
    await makeFolder(parent);
    const had = await rename(folder, old).then(
      () => true,
      () => false,
    );
    await rename(draft, folder).catch(async (cause: Error) => {
      if (had) await rename(old, folder);
      const expected = `${folder}: expected a folder that can be written (${cause.message})`;
      throw new EddiError("bad-argument", expected, { cause });
    });
    await rm(old, { recursive: true, force: true });
    return result;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
