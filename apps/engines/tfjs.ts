import os from "node:os";
import type { Running } from "./engine.ts";

/**
 * What engines share that are backends of TF.js: makes one the active backend of this thread.
 *
 * @param backend as TF.js calls it; its package is loaded
 * @throws Error when it does not start
 */
export async function startTfjs(backend: string): Promise<Pick<Running, "load">> {
  const { ready, setBackend } = await import("@tensorflow/tfjs-core");
  if (!(await setBackend(backend))) throw new Error(`the backend ${backend} does not start`);
  await ready();
  const { SegmentModel } = await import("#shared/runtime");
  return { load: (model) => new SegmentModel(model) };
}

/** What this machine's processor is called. */
export function processorName(): string {
  return os.cpus()[0]?.model ?? os.arch();
}
