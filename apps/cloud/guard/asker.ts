import type { FastifyRequest } from "fastify";
import type { Asker } from "../tails/executor.ts";
import { clientAddress } from "./client-address.ts";
import { type Keys, presentedKey } from "./keys.ts";

/** Who sends a request. */
export interface Sender extends Asker {
  /** Of the key that came with it; null without a right one. */
  readonly owner: string | null;
}

/**
 * Knows who sends a request: the client is the owner of its key, else its address; connections are numbered.
 *
 * @param keys null where anyone may use everything
 */
export function knowSenders(keys: Keys | null): (request: FastifyRequest) => Sender {
  const senders = new WeakMap<FastifyRequest, Sender & { readonly version: number | undefined }>();
  const lines = new WeakMap<object, number>();
  let nextLine = 0;
  return (request) => {
    const known = senders.get(request);
    // A stream is one request for a long time: its key may be good no more.
    const version = keys?.version;
    if (known !== undefined && known.version === version) return known;
    const key = keys === null ? null : presentedKey(request.headers);
    const owner = key === null ? null : keys!.ownerOf(key);
    const client = owner === null ? `address ${clientAddress(request.ip)}` : `key ${owner}`;
    const { socket } = request.raw;
    const line = lines.get(socket) ?? nextLine++;
    lines.set(socket, line);
    const sender = { owner, client, line, version };
    senders.set(request, sender);
    return sender;
  };
}
