import type { ErrorCode } from "#shared/errors";

/**
 * What crosses a worker boundary or a port. The conversation files say which requests, replies and events
 * there are; this is how they travel, the same for all of them.
 */
export type ToServer<Request> =
  | { readonly type: "call"; readonly id: number; readonly request: Request }
  | { readonly type: "cancel"; readonly id: number };

export type ToCaller<Reply, Event> =
  | { readonly type: "return"; readonly id: number; readonly reply: Reply }
  | { readonly type: "failed"; readonly id: number; readonly code: ErrorCode; readonly message: string }
  /** Of a call under way, before its return. */
  | { readonly type: "progress"; readonly id: number; readonly progress: unknown }
  | { readonly type: "event"; readonly event: Event };

/** A Worker, a worker's own scope or a MessagePort. */
export interface Channel {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
}
