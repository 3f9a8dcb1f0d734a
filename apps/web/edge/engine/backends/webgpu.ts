import "@tensorflow/tfjs-backend-webgpu";
import { env } from "@tensorflow/tfjs-core";

/** Small tensors go to the GPU too: kernels on the CPU would not be the ones that the self-test checks. */
export async function prepare(): Promise<void> {
  env().set("WEBGPU_CPU_FORWARD", false);
}
