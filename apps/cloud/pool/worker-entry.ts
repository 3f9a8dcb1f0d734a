const IS_BUILT = import.meta.url.endsWith(".js");

/** What was built lies in one folder. Tests take built workers, which start in a third of the time. */
export const WORKERS = {
  /** The module that runs tails. */
  tail: new URL(IS_BUILT ? "./tail-worker.js" : "../worker/tail-worker.ts", import.meta.url),
  /** The module that reads and writes long frames. */
  frames: new URL(IS_BUILT ? "./frame-thread.js" : "../worker/frame-thread.ts", import.meta.url),
};

/** Registers tsx, which neither threads nor processes inherit. */
const BOOTSTRAP = new URL("../worker/worker-bootstrap.mjs", import.meta.url);

/** What Node is to start for a worker that runs a module: TypeScript needs help, what was built is JavaScript. */
export function startOf(entry: string): URL {
  return entry.endsWith(".ts") ? BOOTSTRAP : new URL(entry);
}
