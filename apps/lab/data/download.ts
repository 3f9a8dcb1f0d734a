import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { EddiError } from "#shared/errors";
import { makeFolder } from "../files/make-folder.ts";

export interface Download {
  readonly url: string;
  /** Where the whole, checked file goes. */
  readonly file: string;
  /** Lower-case hex, as the publisher states it. */
  readonly md5: string;
  /** @param total null when the server does not say */
  readonly onProgress?: (bytes: number, total: number | null) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Downloads a file, going on where an interrupted attempt stopped. The file appears under its name
 * only when it is whole and has the right hash.
 *
 * @throws EddiError `unavailable` when the server cannot be reached or refuses, the file comes short
 *   (what came is kept for the next attempt) or has another hash (what came is removed), or nothing can be
 *   written; `cancelled`
 */
export async function download(job: Download): Promise<void> {
  const part = `${job.file}.part`;
  // An earlier attempt may have come to the end, and not been unpacked.
  if ((await sizeOf(job.file)) > 0 && (await hashFile(job.file)) === job.md5) return;
  await makeFolder(path.dirname(job.file)).catch((cause: Error) => {
    throw new EddiError("unavailable", `${job.file}: expected to write it, got ${cause.message}`, { cause });
  });
  await receive(job, part);
  const md5 = await hashFile(part);
  if (md5 !== job.md5) {
    await rm(part);
    throw new EddiError("unavailable", `${job.url}: expected MD5 ${job.md5}, got ${md5}; run it again`);
  }
  await rename(part, job.file);
}

async function receive({ url, onProgress, signal }: Download, part: string): Promise<void> {
  const held = await sizeOf(part);
  try {
    const response = await ask(url, held, signal);
    // The part is whole already, or is no part of this file: the hash will tell.
    if (response.status === 416) return;
    if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
    // A server without ranges answers 200 with everything.
    const kept = response.status === 206 ? held : 0;
    const length = response.headers.get("content-length");
    const total = length === null ? null : kept + Number(length);
    let bytes = kept;
    const count = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        bytes += chunk.byteLength;
        onProgress?.(bytes, total);
        done(null, chunk);
      },
    });
    const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
    await pipeline(body, count, createWriteStream(part, { flags: kept > 0 ? "a" : "w" }));
    if (total !== null && bytes !== total) throw new Error(`expected ${total} bytes, got ${bytes}`);
  } catch (cause) {
    if (signal?.aborted) throw new EddiError("cancelled", `${url}: the download was stopped`, { cause });
    throw new EddiError("unavailable", `${url}: the download failed (${reason(cause)})`, { cause });
  }
}

function ask(url: string, held: number, signal: AbortSignal | undefined): Promise<Response> {
  // No transfer compression: ranges and length must be those of the file.
  const headers: Record<string, string> = { "accept-encoding": "identity" };
  if (held > 0) headers.range = `bytes=${held}-`;
  return fetch(url, { headers, ...(signal ? { signal } : {}) });
}

/** `fetch` hides why in its cause. */
function reason(error: unknown): string {
  const { message, cause } = error as { message: string; cause?: { message?: string } };
  return cause?.message ?? message;
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => null))?.size ?? 0;
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash("md5");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
