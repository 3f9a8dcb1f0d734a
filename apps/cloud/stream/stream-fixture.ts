import { once } from "node:events";
import { WebSocket } from "ws";
import {
  decodeReply,
  decodeResponse,
  encodeCall,
  encodeRequest,
  STREAM_PATH,
  STREAM_PROTOCOL,
  type StreamCall,
  type StreamReply,
} from "#shared/protocol";
import { imageBytes, request } from "../testing/fixture.ts";

// For tests only: a client of streams.

export type Reply = Extract<StreamReply, { kind: "reply" }>;

export interface StreamClient {
  readonly socket: WebSocket;
  /** Resolves with code and reason. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  /** Resolves when the service asks to leave. */
  readonly left: Promise<void>;
  /** Rejects when the stream closes first. */
  ask(call: Extract<StreamCall, { kind: "infer" }>): Promise<Reply>;
  cancel(id: number): void;
}

/** @param url of the service, as of HTTP */
export async function openStream(url: string, options: WebSocket.ClientOptions = {}): Promise<StreamClient> {
  const socket = new WebSocket(`${url.replace("http", "ws")}${STREAM_PATH}`, STREAM_PROTOCOL, options);
  const pending = new Map<number, { resolve(reply: Reply): void; reject(reason: Error): void }>();
  const closed = once(socket, "close").then(([code, reason]) => ({ code, reason: String(reason) }));
  let leave = (): void => {};
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  socket.on("message", (data: Buffer) => {
    const reply = decodeReply(data);
    if (reply.kind === "leave") return leave();
    pending.get(reply.id)?.resolve(reply);
    pending.delete(reply.id);
  });
  void closed.then(({ code, reason }) => {
    for (const { reject } of pending.values()) reject(new Error(`closed: ${code} ${reason}`));
  });
  await once(socket, "open");
  return {
    socket,
    closed,
    left,
    ask: (call) =>
      new Promise((resolve, reject) => {
        pending.set(call.id, { resolve, reject });
        socket.send(encodeCall(call));
      }),
    cancel: (id) => socket.send(encodeCall({ kind: "cancel", id })),
  };
}

/** A call for the tiny model: so many images of bytes, others for another seed. */
export function inferCall(
  id: number,
  { seed = 1, images = 1, exit }: { seed?: number; images?: number; exit?: string } = {},
): Extract<StreamCall, { kind: "infer" }> {
  const data = imageBytes(seed, images * 3072);
  const image = { name: "image", datatype: "UINT8", shape: [images, 32, 32, 3], data } as const;
  const { body, jsonBytes } = encodeRequest(
    request([image], exit === undefined ? {} : { parameters: { exit } }),
  );
  return { kind: "infer", id, model: "tiny", version: null, encoding: null, jsonBytes, body };
}

/** Scores of a reply, as bytes. */
export function scoresOf({
  status,
  body,
  jsonBytes,
}: Pick<Reply, "status" | "body" | "jsonBytes">): Uint8Array {
  if (status !== 200) throw new Error(`${status}: ${errorOf({ body })}`);
  return new Uint8Array(decodeResponse(body, jsonBytes).outputs[0]!.data);
}

export function errorOf({ body }: Pick<Reply, "body">): string {
  return JSON.parse(new TextDecoder().decode(body)).error;
}
