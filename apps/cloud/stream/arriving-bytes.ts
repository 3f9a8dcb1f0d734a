import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { HeldBytes } from "../guard/bytes-under-way.ts";

/** Frames' own bytes, which are not told one by one, and calls that are hardly longer: not worth counting. */
const SMALL_BYTES = 16 << 10;
/** Before each message: its length and its mask. */
const HEAD_BYTES = 6;

/**
 * Counts what has come on a stream and is no whole message yet.
 *
 * @param held   what these bytes hold
 * @param onFull told when there is no memory for more of them
 */
export function countArriving(
  webSocket: WebSocket,
  socket: Socket,
  held: HeldBytes,
  onFull: (thrown: unknown) => void,
): void {
  let bytes = 0;
  const count = (more: number): void => {
    bytes = Math.max(0, bytes + more);
    if (more < 0 && bytes < SMALL_BYTES) bytes = 0;
    held.set(bytes < SMALL_BYTES ? 0 : bytes);
  };
  const onData = (piece: Buffer): void => {
    try {
      count(piece.byteLength);
    } catch (thrown) {
      socket.off("data", onData);
      onFull(thrown);
    }
  };
  const onWhole = (data: Buffer): void => count(-(data.byteLength + HEAD_BYTES));
  socket.on("data", onData);
  webSocket.on("message", onWhole).on("ping", onWhole).on("pong", onWhole);
  webSocket.once("close", () => {
    socket.off("data", onData);
    webSocket.off("message", onWhole).off("ping", onWhole).off("pong", onWhole);
    held.release();
  });
}
