import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { EddiError } from "#shared/errors";
import { STREAM_KEY } from "#shared/protocol";
import { type Followed, followFiles } from "../files/follow-files.ts";
import { readNamedFile } from "../files/named-file.ts";

/** API keys, of which only digests are kept. */
export class Keys {
  /** Another number when other keys are good. */
  version = 0;
  private clients: readonly { readonly name: string; readonly digest: Buffer }[] = [];

  /**
   * @param text one `name:digest` a line, the digest as `newKey` prints it; empty lines and `#` are left out
   * @throws EddiError as `replace`
   */
  constructor(text: string) {
    this.replace(text);
  }

  /**
   * From now on these keys are good and no others.
   *
   * @throws EddiError `bad-argument` naming the line, never what stands in it; then nothing changes
   */
  replace(text: string): void {
    const clients = new Map<string, Buffer>();
    for (const [at, line] of text.split(/\r?\n/).entries()) {
      if (/^\s*(#|$)/.test(line)) continue;
      const [, name, digest] = LINE.exec(line.trim()) ?? [];
      if (name === undefined || digest === undefined || clients.has(name)) {
        const expected = "expected a name of its own and a SHA-256 in hex, as name:digest";
        throw new EddiError("bad-argument", `line ${at + 1}: ${expected}`);
      }
      clients.set(name, Buffer.from(digest, "hex"));
    }
    if (clients.size === 0) throw new EddiError("bad-argument", "expected at least one key, got none");
    this.version++;
    this.clients = [...clients].map(([name, digest]) => ({ name, digest }));
  }

  get count(): number {
    return this.clients.length;
  }

  /** Whose key it is, or null. Takes as long for a wrong key as for a right one. */
  ownerOf(key: string): string | null {
    const digest = sha256(key);
    let owner: string | null = null;
    for (const client of this.clients) {
      if (timingSafeEqual(digest, client.digest)) owner = client.name;
    }
    return owner;
  }
}

/** @throws EddiError `bad-argument`, naming the file */
export async function readKeys(path: string): Promise<Keys> {
  const { keys } = await openKeys(path);
  return keys;
}

/** The keys of a file, and what stood in it. @throws EddiError as `readKeys` */
export async function openKeys(path: string): Promise<{ readonly keys: Keys; readonly contents: Buffer }> {
  try {
    const contents = await readNamedFile(path);
    return { keys: new Keys(contents.toString()), contents };
  } catch (cause) {
    throw new EddiError("bad-argument", `--keys ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Follows the file of the keys: clients come and go without a restart. @returns what ends that */
export function followKeys(
  { keys, contents }: Awaited<ReturnType<typeof openKeys>>,
  path: string,
  log: Followed["log"],
): () => void {
  const take = ([now]: readonly Buffer[]): string => {
    keys.replace(now!.toString());
    return `changed: ${keys.count} from now on`;
  };
  return followFiles({ what: "keys", paths: [path], contents: [contents], take, log });
}

/**
 * A new random key of 256 bits, and the line for the file of keys. One that long cannot be guessed from its
 * digest, so that a plain SHA-256 will do.
 *
 * @throws EddiError `bad-argument` for a name that cannot stand in the file
 */
export function newKey(name: string): { readonly key: string; readonly line: string } {
  if (!NAME.test(name)) {
    throw new EddiError("bad-argument", `--new-key: expected letters, digits, - and _, got ${name}`);
  }
  const key = `eddi_${randomBytes(32).toString("base64url")}`;
  return { key, line: `${name}:${sha256(key).toString("hex")}` };
}

/**
 * The key of a request: `Authorization: Bearer KEY`, else `x-api-key: KEY`, else, as browsers cannot set headers of a
 * WebSocket, the subprotocol that it offers beside ours, `eddi-key.KEY`; null without one.
 */
export function presentedKey(headers: IncomingHttpHeaders): string | null {
  const bearer = /^Bearer ([\x21-\x7e]+)$/i.exec(headers.authorization ?? "")?.[1];
  const offered = headers["sec-websocket-protocol"]?.split(",").map((one) => one.trim());
  const subprotocol = offered?.find((one) => one.startsWith(STREAM_KEY))?.slice(STREAM_KEY.length);
  const key = bearer ?? headers["x-api-key"] ?? subprotocol;
  return typeof key === "string" && key.length <= MAX_KEY_LENGTH ? key : null;
}

const MAX_KEY_LENGTH = 256;
const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const LINE = /^([A-Za-z0-9_-]{1,64}):([0-9a-f]{64})$/i;

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
