import { once } from "node:events";
import { connect } from "node:net";

// For tests only: requests byte by byte, as no client of ours would send them.

/** An answer as it came. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Sends bytes on a connection of their own and reads what comes back until it is whole, or the other side closes. */
export async function sendBytes(port: number, bytes: Uint8Array): Promise<RawAnswer> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.write(bytes);
  let came = Buffer.alloc(0);
  try {
    for (;;) {
      const answer = readAnswer(came);
      if (answer !== null) return answer;
      const [event, chunk] = await Promise.race([
        once(socket, "data").then(([data]) => ["data", data as Buffer] as const),
        once(socket, "close").then(() => ["close", null] as const),
      ]);
      if (event === "close") throw new Error(`expected an answer, got ${came.length} bytes: ${came}`);
      came = Buffer.concat([came, chunk]);
    }
  } finally {
    socket.destroy();
  }
}

function readAnswer(came: Buffer): RawAnswer | null {
  const end = came.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const [first = "", ...lines] = came.subarray(0, end).toString("latin1").split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    }),
  );
  const body = came.subarray(end + 4);
  const length = Number(headers["content-length"] ?? 0);
  return body.length < length ? null : { status: Number(first.split(" ")[1]), headers, body };
}
