/** Read by TensorFlow when its library is loaded; a worker's own environment is but a copy. */
export function setWorkerEnvironment(): void {
  // One worker per core: more threads inside each would only compete.
  process.env.TF_NUM_INTRAOP_THREADS ??= "1";
  process.env.TF_NUM_INTEROP_THREADS ??= "1";
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "3";
  process.env.TF_ENABLE_ONEDNN_OPTS ??= "0";
}
