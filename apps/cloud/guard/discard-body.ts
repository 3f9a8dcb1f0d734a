import type { IncomingMessage } from "node:http";

/** Whoever has been answered and goes on sending for longer is cut. */
const LIMIT_MS = 5_000;
const EVERY_MS = 5;
/** Requests that are read from at a time. */
const AT_ONCE = 32;

interface Discarded {
  readonly request: IncomingMessage;
  readonly untilMs: number;
}

const queue: Discarded[] = [];
let timer: NodeJS.Timeout | undefined;

/**
 * Throws away what is still to come of a request that has its answer. A client that sends all before it reads gets to read
 * that answer then, and its connection can go on. Node would read as fast as it comes, of a thousand connections megabytes
 * each before anything else is done; here some at a time are read from, a piece each, and none for long.
 */
export function discardBody(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  // From now on it is read when we say so. Once it has been read from, Node leaves it to us.
  request.pause();
  request.on("error", () => {});
  request.read();
  queue.push({ request, untilMs: performance.now() + LIMIT_MS });
  timer ??= setInterval(readSome, EVERY_MS);
}

function readSome(): void {
  const nowMs = performance.now();
  for (let left = Math.min(AT_ONCE, queue.length); left > 0; left--) {
    const one = queue.shift()!;
    const { request, untilMs } = one;
    request.read();
    if (request.destroyed || request.readableEnded) continue;
    if (nowMs < untilMs) queue.push(one);
    else request.socket.destroy();
  }
  if (queue.length > 0) return;
  clearInterval(timer);
  timer = undefined;
}
