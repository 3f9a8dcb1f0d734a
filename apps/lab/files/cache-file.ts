import { open, rename, rm } from "node:fs/promises";
import path from "node:path";
import { makeFolder } from "./make-folder.ts";

/** Why a file could not be kept, for a note; null when it was. */
export type CacheProblem = string | null;

/** Bytes of one write. */
const CHUNK_BYTES = 2 ** 26;

/**
 * Writes beside the file and renames, so that it is whole or absent. A cache that cannot be written, on a full
 * disk say, is no failure: the caller has what it wanted to keep.
 */
export async function keepFile(file: string, parts: readonly Uint8Array[]): Promise<CacheProblem> {
  const partFile = `${file}.${process.pid}.part`;
  try {
    await makeFolder(path.dirname(file));
    await writeAll(partFile, parts);
    await rename(partFile, file);
    return null;
  } catch (error) {
    // Not even this may be possible.
    await rm(partFile, { force: true }).catch(() => null);
    return (error as Error).message;
  }
}

async function writeAll(file: string, parts: readonly Uint8Array[]): Promise<void> {
  const handle = await open(file, "w");
  try {
    for (const part of parts) {
      for (let at = 0; at < part.length; ) {
        const { bytesWritten } = await handle.write(part, at, Math.min(CHUNK_BYTES, part.length - at));
        at += bytesWritten;
      }
    }
  } finally {
    await handle.close();
  }
}
