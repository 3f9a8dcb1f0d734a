/** The protocol's server metadata. */
export const SERVER = {
  name: "eddi-cloud",
  version: "0.1.0",
  extensions: [
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository",
    "statistics",
    "eddi_tail",
    "eddi_codecs",
    "eddi_probe",
    "eddi_stream",
  ],
} as const;
