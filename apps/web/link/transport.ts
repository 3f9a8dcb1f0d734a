/** The ways to the cloud: HTTP, or the WebSocket that stands open. */
export const TRANSPORTS = ["fetch", "stream"] as const;

export type Transport = (typeof TRANSPORTS)[number];

/** Bytes of a request beside its body: HTTP's headers; a stream's envelope and frame. */
export const HEADER_BYTES: Readonly<Record<Transport, number>> = { fetch: 500, stream: 60 };
