import { EddiError } from "#shared/errors";
import {
  type EngineBackend,
  enginesOf,
  type OpenedEngine,
  openFirst,
  setTensorFlowDefaults,
  TFJS_BACKENDS,
} from "../../engines/index.ts";

export const BACKENDS: readonly string[] = ["auto", ...TFJS_BACKENDS];

/** What numbers in cards and caches are made by: the processor, whose results hardly differ between machines. */
const AUTO: readonly EngineBackend[] = ["native", "wasm"];

/** For help: what `--backend` takes. */
export const BACKEND_HELP = `${TFJS_BACKENDS.join(", ")}, or auto: ${AUTO.join(" where it is installed, else ")}`;

/**
 * Opens the first engine of a backend that loads, for this process.
 *
 * @param wanted `auto` or a backend
 * @throws EddiError `unavailable` when none loads, `bad-argument` for another name
 */
export async function openBackend(wanted: string): Promise<OpenedEngine> {
  setTensorFlowDefaults("training");
  if (wanted === "auto") return openFirst(AUTO.flatMap(enginesOf), false);
  const backend = TFJS_BACKENDS.find((one) => one === wanted);
  if (backend !== undefined) return openFirst(enginesOf(backend), true);
  throw new EddiError("bad-argument", `--backend: expected one of ${BACKENDS.join(", ")}, got ${wanted}`);
}

/** The same, with TensorFlow set as the service sets it: what is timed is what a worker does. */
export function openAsTheService(wanted: string): Promise<OpenedEngine> {
  setTensorFlowDefaults("tails");
  return openBackend(wanted);
}
