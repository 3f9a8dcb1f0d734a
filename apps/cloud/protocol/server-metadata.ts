import type { CloudConfig } from "../options/config.ts";

export const SERVER = { name: "eddi-cloud", version: "0.1.0" } as const;

const EXTENSIONS = [
  "binary_tensor_data",
  "classification",
  "model_configuration",
  "statistics",
  "eddi_tail",
  "eddi_codecs",
  "eddi_probe",
  "eddi_stream",
] as const;
/** Claimed only where models can be loaded and unloaded too. */
const MODEL_CONTROL = ["model_repository", "model_repository(unload_dependents)"] as const;

/** The protocol's server metadata. */
export function serverMetadata({ modelControl }: Pick<CloudConfig, "modelControl">): object {
  return { ...SERVER, extensions: [...EXTENSIONS, ...(modelControl ? MODEL_CONTROL : [])] };
}
