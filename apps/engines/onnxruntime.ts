import { createRequire } from "node:module";
import type { TensorValues } from "#shared/runtime";
import type { Engine, OpenOptions, Running } from "./engine.ts";
import { OnnxModel, type OnnxOptions } from "./onnx-model.ts";
import { precisionFor } from "./precision.ts";
import { hasInstructions } from "./processor.ts";
import { SessionShelf } from "./session-shelf.ts";
import { processorName, startTfjs } from "./tfjs.ts";

/**
 * ONNX Runtime on the processor, which is several times faster than TF.js. It runs a segment once it has made an ONNX
 * model of it; before, and what cannot be exported, TF.js on WASM runs. Unless it is chosen, segments that TF.js is
 * measured to run faster stay there too.
 */
export const onnxruntime = {
  needs: "onnxruntime-node",
  backend: "onnxruntime",
  isTfjs: false,
  mayUseGpu: false,
  open: openOnnxRuntime,
} as const satisfies Engine;

/** What the npm package `onnxruntime-node` brings; it is installed by `npm run setup:onnx` only. */
interface Ort {
  readonly InferenceSession: { create(file: Uint8Array, options: object): Promise<OrtSession> };
  readonly Tensor: new (
    type: "float32",
    values: Float32Array,
    shape: readonly number[],
  ) => { readonly dims: readonly number[]; readonly data: Float32Array };
}

interface OrtSession {
  run(
    feeds: Readonly<Record<string, unknown>>,
  ): Promise<Readonly<Record<string, InstanceType<Ort["Tensor"]>>>>;
  release(): Promise<void>;
}

/** One thread: as many workers as cores run tails. Warnings of its optimiser are nobody's concern. */
const SESSION_OPTIONS = {
  executionProviders: ["cpu"],
  executionMode: "sequential",
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 3,
  // Without VNNI a product of uint8 and int8 is summed in 16 bits, which clips: there a right one is taken, a third as fast.
  extra: { session: { x64quantprecision: hasInstructions(["avx512_vnni", "avx_vnni"]) ? "0" : "1" } },
};

/** Of all the ONNX models that a worker has open: some thirty tails of the largest shipped model. */
const MAX_SESSION_BYTES = 128 << 20;

/** @throws Error where the package is missing */
export function openSessions(): OnnxOptions["open"] {
  const { InferenceSession, Tensor } = createRequire(import.meta.url)("onnxruntime-node") as Ort;
  return async (file) => {
    const session = await InferenceSession.create(file, SESSION_OPTIONS);
    return {
      run: async ({ feeds: names, outputs }, feeds) => {
        const named = feeds.map(({ shape, values }, at) => [names[at], new Tensor("float32", values, shape)]);
        const results = await session.run(Object.fromEntries(named));
        return outputs.map((name): TensorValues => {
          const { dims, data } = results[name]!;
          return { shape: dims, values: data };
        });
      },
      close: () => session.release(),
    };
  };
}

async function openOnnxRuntime(options: OpenOptions): Promise<Running> {
  const { isChosen, precision, sessionBytes = MAX_SESSION_BYTES } = options;
  const open = openSessions();
  createRequire(import.meta.url)("@tensorflow/tfjs-backend-wasm");
  const { load } = await startTfjs("wasm");
  const { exportSegment } = await import("#shared/onnx");
  const shelf = new SessionShelf(sessionBytes);
  return {
    device: "cpu",
    deviceName: processorName(),
    load: (model, tell = () => {}) =>
      new OnnxModel(model, load(model), {
        open,
        shelf,
        exportSegment,
        isChosen,
        precision: precisionFor(model, precision),
        tell,
      }),
  };
}
