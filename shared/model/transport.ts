/** The ways to the cloud: HTTP, or the WebSocket that stands open. */
export const TRANSPORTS = ["fetch", "stream"] as const;

export type Transport = (typeof TRANSPORTS)[number];

/**
 * Bytes beside the body of an inference request and of its reply: HTTP's headers, as Chromium and the service send
 * them; a stream's envelope and frame.
 */
export const HEADER_BYTES: Readonly<Record<Transport, { readonly request: number; readonly reply: number }>> =
  {
    fetch: { request: 690, reply: 640 },
    stream: { request: 60, reply: 32 },
  };
