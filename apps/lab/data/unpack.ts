import { createHash } from "node:crypto";
import { mkdtemp, open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { extract } from "tar";
import { EddiError } from "#shared/errors";
import { makeFolder } from "../files/make-folder.ts";

/**
 * Unpacks an archive (.tar, .tgz, .tar.gz) into a folder of the cache, unless that is there already.
 *
 * @returns the folder that the archive's entries stand in
 * @throws EddiError as `unpack`
 */
export async function unpackOnce(archive: string, cache: string): Promise<string> {
  const { size, mtimeMs } = await stat(archive);
  const key = createHash("sha256")
    .update(`${path.resolve(archive)} ${size} ${mtimeMs}`)
    .digest("hex");
  const folder = path.join(cache, `unpacked-${key.slice(0, 16)}`);
  if (!(await exists(folder))) await unpack(archive, folder);
  return folder;
}

/**
 * Unpacks beside the folder and renames, so that the folder is whole or absent.
 *
 * @param folder must not exist
 * @param entry the entry of the archive that becomes the folder; all of it by default
 * @throws EddiError `bad-argument` for a damaged or foreign file, `unavailable` when the folder cannot be written
 */
export async function unpack(archive: string, folder: string, entry = "."): Promise<void> {
  const part = await partFolder(folder);
  try {
    if (!(await hasEnd(archive))) throw new Error("no end mark");
    await extract({ file: archive, cwd: part, strict: true });
    await rename(path.join(part, entry), folder);
  } catch (cause) {
    // Somebody else may have unpacked the same archive meanwhile.
    if (await exists(folder)) return;
    if (isFull(cause)) throw unwritable(folder, cause);
    const expected = `expected a whole tar archive${entry === "." ? "" : ` that holds ${entry}`}`;
    throw new EddiError("bad-argument", `${archive}: ${expected}, it does not unpack`, { cause });
  } finally {
    // Some entries may still be on their way to the disk when another has failed.
    await rm(part, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

const BLOCK = 512;

/**
 * Whether a plain tar file ends with its mark, two blocks of zeros: one that was cut between two entries would
 * unpack without complaint. Compressed ones notice by themselves.
 */
async function hasEnd(archive: string): Promise<boolean> {
  const file = await open(archive);
  try {
    const { size } = await file.stat();
    const bytesAt = async (at: number) => (await file.read(Buffer.alloc(2 * BLOCK), 0, 2 * BLOCK, at)).buffer;
    const isPlain = (await bytesAt(0)).toString("latin1", 257, 262) === "ustar";
    return !isPlain || (size >= 3 * BLOCK && (await bytesAt(size - 2 * BLOCK)).every((byte) => byte === 0));
  } finally {
    await file.close();
  }
}

async function partFolder(folder: string): Promise<string> {
  try {
    await makeFolder(path.dirname(folder));
    return await mkdtemp(`${folder}.part-`);
  } catch (cause) {
    throw unwritable(folder, cause);
  }
}

/** Of the disk or of what the user may use of it. */
const isFull = (error: unknown): boolean =>
  ["ENOSPC", "EDQUOT"].includes((error as { code?: string }).code ?? "");

function unwritable(folder: string, cause: unknown): EddiError {
  const expected = `${path.dirname(folder)}: expected a place to unpack into, got ${(cause as Error).message}`;
  return new EddiError("unavailable", expected, { cause });
}

async function exists(place: string): Promise<boolean> {
  return (await stat(place).catch(() => null)) !== null;
}
