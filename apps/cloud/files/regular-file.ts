import type { Stats } from "node:fs";
import { constants, lstat, open, readdir, realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { EddiError } from "#shared/errors";

export interface Entry {
  readonly name: string;
  readonly kind: Kind;
}

export type Kind = "file" | "folder" | "link" | "FIFO" | "socket" | "device";

/** Where something lies: below a folder that links must not lead out of. */
export interface Place {
  readonly root: string;
  readonly path: string;
}

const CHUNK_BYTES = 1 << 20;

/** Names and kinds of what is in a folder. Links are not followed: one may lead to a mount that is dead. */
export async function listFolder(place: Place): Promise<readonly Entry[]> {
  const entries = await readdir(await resolve(place), { withFileTypes: true });
  return entries
    .map((entry) => ({ name: entry.name, kind: kindOf(entry) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Names, kinds, sizes and times of a folder's entries: another text when any of them changes. */
export async function stampFolder(place: Place): Promise<string> {
  const folder = await resolve(place);
  const lines: string[] = [];
  // One after another: whatever hangs, only one thread waits for it.
  for (const name of (await readdir(folder)).sort()) {
    const found = await stat(join(folder, name)).catch(() => null);
    if (found === null) lines.push(`${name} nothing`);
    else if (found.isDirectory()) lines.push(`${name} folder`);
    else lines.push(`${name} ${kindOf(found)} ${found.size} ${found.mtimeMs} ${found.ino}`);
  }
  return lines.join("\n");
}

/**
 * All bytes of a regular file.
 *
 * @param place a path alone is where the operator says, and may be a link to anywhere
 * @param shared whether they are wanted in shared memory
 * @param alive  called for each part that has come
 * @throws EddiError `bad-model` for what is no regular file, leaves its root or has more than `most` bytes
 */
export async function readRegularFile(
  place: Place | string,
  most: number,
  shared = false,
  alive = () => {},
): Promise<Uint8Array> {
  const path = typeof place === "string" ? place : await resolve(place);
  mustBeFile(await stat(path));
  // Should a FIFO have come into its place since, this does not wait for somebody to write.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const found = await file.stat();
    mustBeFile(found);
    if (found.size > most) throw refusal(`expected at most ${most} bytes, got ${found.size}`);
    const bytes = new Uint8Array(shared ? new SharedArrayBuffer(found.size) : new ArrayBuffer(found.size));
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, at, Math.min(CHUNK_BYTES, bytes.length - at), null);
      alive();
      if (bytesRead === 0) throw refusal(`expected ${bytes.length} bytes, the file became shorter`);
      at += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/**
 * @param suffixes of files beside it that must be regular ones too, where there are any
 * @throws as `readRegularFile`
 */
export async function checkRegularFile({ root, path }: Place, suffixes: readonly string[]): Promise<void> {
  mustBeFile(await stat(await resolve({ root, path })));
  for (const suffix of suffixes) {
    const beside = { root, path: path + suffix };
    if ((await lstat(join(root, beside.path)).catch(() => null)) === null) continue;
    mustBeFile(await stat(await resolve(beside)));
  }
}

/** The path that is meant, without links. */
async function resolve({ root, path }: Place): Promise<string> {
  const folder = await realpath(root);
  const real = await realpath(join(folder, path));
  const way = relative(folder, real);
  if (way === ".." || way.startsWith(`..${sep}`)) {
    throw refusal("expected links within the folder, got one that leaves it");
  }
  return real;
}

function mustBeFile(found: Stats): void {
  if (!found.isFile()) throw refusal(`expected a regular file, got a ${kindOf(found)}`);
}

type Typed = Pick<Stats, "isFile" | "isDirectory" | "isSymbolicLink" | "isFIFO" | "isSocket">;

function kindOf(found: Typed): Kind {
  if (found.isFile()) return "file";
  if (found.isDirectory()) return "folder";
  if (found.isSymbolicLink()) return "link";
  if (found.isFIFO()) return "FIFO";
  return found.isSocket() ? "socket" : "device";
}

function refusal(message: string): EddiError {
  return new EddiError("bad-model", message);
}
