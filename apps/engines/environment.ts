/**
 * What TensorFlow reads when its library is loaded; what the user set goes before. It reads the process' own
 * environment: that of a worker thread is but a copy.
 */
const DEFAULTS = {
  /** As the service runs tails: one worker per core, where more threads inside each would only compete. */
  tails: { TF_NUM_INTRAOP_THREADS: "1", TF_NUM_INTEROP_THREADS: "1", TF_ENABLE_ONEDNN_OPTS: "0" },
  /**
   * As the lab trains, on all cores. TensorFlow leaves oneDNN off on CPUs without AVX-512, where it still makes training
   * 1.5 times faster. With AVX-512, oneDNN's gradient of a convolution kernel overwrites the heap on some EPYCs
   * (TensorFlow 2.21) where a layer has not a multiple of 16 channels; `lab train` lifts this where all have.
   */
  training: { TF_ENABLE_ONEDNN_OPTS: "1", ONEDNN_MAX_CPU_ISA: "AVX2" },
} as const;

/** Before any engine is opened: the first purpose that a process has stays. */
export function setTensorFlowDefaults(purpose: keyof typeof DEFAULTS): void {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "3";
  for (const [name, value] of Object.entries(DEFAULTS[purpose])) process.env[name] ??= value;
}
