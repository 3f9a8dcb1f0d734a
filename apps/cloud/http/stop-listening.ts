/** A server of HTTP or HTTPS, or the connections that have left one of them to be streams. */
export interface Listener {
  readonly listening: boolean;
  /** Takes no more connections; calls back when all have ended. */
  close(ended: () => void): unknown;
  closeIdleConnections(): void;
  closeAllConnections(): void;
}

/** How often connections that have fallen idle are closed. */
const SWEEP_MS = 50;

/**
 * Takes no more connections and closes those that are idle; others are closed as they fall idle.
 *
 * @param graceMs for requests under way
 * @param lastMs  for answers that tell of being given up, after that
 * @returns `graceful`: when all connections have ended or the grace is over; `all`: when none is left, those
 *   that did not end are cut
 */
export function stopListening(
  listeners: readonly Listener[],
  graceMs: number,
  lastMs: number,
): { readonly graceful: Promise<void>; readonly all: Promise<void> } {
  const open = listeners.filter((listener) => listener.listening);
  const all = Promise.all(
    open.map((listener) => new Promise<void>((resolve) => listener.close(() => resolve()))),
  ).then(() => {});
  const sweep = setInterval(() => {
    for (const listener of open) listener.closeIdleConnections();
  }, SWEEP_MS);
  const cut = setTimeout(() => {
    for (const listener of open) listener.closeAllConnections();
  }, graceMs + lastMs);
  const over = new Promise<void>((resolve) => {
    const grace = setTimeout(resolve, graceMs);
    void all.then(() => clearTimeout(grace));
  });
  void all.then(() => {
    clearInterval(sweep);
    clearTimeout(cut);
  });
  return { graceful: Promise.race([all, over]), all };
}
