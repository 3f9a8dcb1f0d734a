import { backend as activeBackend } from "@tensorflow/tfjs-core";
import type { Backend } from "../../talk/edge.ts";

/** What a backend's device says of itself, if it says anything. */
export interface DeviceWatch {
  /** Settles with the reason when the device is lost. */
  readonly lost: Promise<string>;
  /** Why it cannot compute any more, asked right now; null while nothing is known. */
  fault(): string | null;
}

/**
 * Watches the device of the active backend. A WebGPU device that is lost lets reading fail; a lost WebGL context reads
 * as zeros, and says so only to those who ask or listen.
 *
 * @param onDoubt told of errors that lose nothing but may spoil a result
 */
export function watchDevice(backend: Backend, onDoubt: (reason: string) => void): DeviceWatch {
  if (backend === "webgpu") return watchWebgpu(onDoubt);
  if (backend === "webgl") return watchWebgl(onDoubt);
  return { lost: new Promise(() => {}), fault: () => null };
}

function watchWebgpu(onDoubt: (reason: string) => void): DeviceWatch {
  const { device } = activeBackend() as unknown as { readonly device: GPUDevice };
  let gone: string | null = null;
  device.addEventListener("uncapturederror", ({ error }) => onDoubt(error.message));
  const lost = device.lost.then(({ reason, message }) => {
    gone = `GPU device lost (${reason}): ${message}`;
    return gone;
  });
  return { lost, fault: () => gone };
}

function watchWebgl(onDoubt: (reason: string) => void): DeviceWatch {
  // In a worker its canvas is no element of a page.
  type Context = WebGL2RenderingContext & { readonly canvas: OffscreenCanvas };
  const { gpgpu } = activeBackend() as unknown as { readonly gpgpu: { readonly gl: Context } };
  const { gl } = gpgpu;
  const reason = "WebGL context lost";
  const lost = new Promise<string>((done) => {
    gl.canvas.addEventListener("webglcontextlost", () => done(reason), { once: true });
  });
  gl.canvas.addEventListener("webglcontextrestored", () => onDoubt("WebGL context restored"));
  return { lost, fault: () => (gl.isContextLost() ? reason : null) };
}
