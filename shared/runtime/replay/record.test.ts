import {
  type DataType,
  getBackend,
  KernelBackend,
  memory,
  registerBackend,
  removeBackend,
  setBackend,
  type Tensor,
  tensor,
} from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Arena } from "./arena.ts";
import { record } from "./record.ts";
import { type GpuBuffer, TENSOR_USAGE, tensorOn, type WebgpuBackend } from "./webgpu-backend.ts";

// What TF.js and a real device make of it is e2e/replay.e2e.ts. Here a device that computes nothing says what it was told.

const UNIFORM = 64 | 8;
const NAME = "a device that listens";

class Pass {
  setPipeline(): void {}
  setBindGroup(): void {}
  dispatchWorkgroups(): void {}
  dispatchWorkgroupsIndirect(): void {}
  end(): void {}
}

class Encoder {
  beginComputePass(): Pass {
    return new Pass();
  }
  copyBufferToBuffer(): void {}
  copyBufferToTexture(): void {}
}

class Buffers {
  readonly freeBuffers = new Map<string, GpuBuffer[]>();
  readonly used = new Set<GpuBuffer>();
  acquireBuffer(size: number, usage: number): GpuBuffer {
    const buffer = { size, usage };
    this.used.add(buffer);
    return buffer;
  }
  releaseBuffer(buffer: GpuBuffer): void {
    this.used.delete(buffer);
  }
}

class Device {
  createCommandEncoder(): Encoder {
    return new Encoder();
  }
}

class Queue {
  writeBuffer(_buffer: GpuBuffer): void {}
}

interface Data {
  values: ArrayBufferView | null;
  resource: GpuBuffer | null;
  external?: boolean;
}

class Gpu extends KernelBackend {
  readonly device = new Device();
  readonly queue = new Queue();
  readonly bufferManager = new Buffers();
  readonly tensorMap = new Map<object, Data>();
  readonly commandQueueOwnedIds = { add: () => {} };
  readonly commandEncoder = null;
  ensureCommandEncoderReady(): void {}
  endComputePassEncoder(): void {}
  submitQueue(): void {}
  override write(values: unknown, _shape: readonly number[], _type: DataType): object {
    const dataId = {};
    this.tensorMap.set(dataId, { values: values as ArrayBufferView | null, resource: null });
    return dataId;
  }
  override disposeData(dataId: object): boolean {
    const { resource, external } = this.tensorMap.get(dataId)!;
    if (resource !== null && external !== true) this.bufferManager.releaseBuffer(resource);
    this.tensorMap.delete(dataId);
    return true;
  }
  override refCount(): number {
    return 1;
  }
  override incRef(): void {}
  decRef(): void {}
  override numDataIds(): number {
    return this.tensorMap.size;
  }
  override floatPrecision(): 32 {
    return 32;
  }
  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }
  override dispose(): void {}
}

let device: Gpu;
let gpu: WebgpuBackend;
let arena: Arena<GpuBuffer>;
/** Other tests' backend, which is theirs again afterwards. */
const before = getBackend();
beforeEach(async () => {
  device = new Gpu();
  gpu = device as unknown as WebgpuBackend;
  registerBackend(NAME, () => device);
  await setBackend(NAME);
  const { bufferManager } = device;
  const acquire = bufferManager.acquireBuffer.bind(bufferManager);
  arena = new Arena(
    (size) => acquire(size, TENSOR_USAGE),
    (buffer) => bufferManager.releaseBuffer(buffer),
  );
});

afterEach(async () => {
  removeBackend(NAME);
  if (before) await setBackend(before);
});

const FEED = { shape: [1, 4], values: Float32Array.of(1, 2, 3, 4) };
const pipeline = { name: "pipeline" };
const group = { name: "group" };

/** As a kernel of TF.js does: output, uniforms, a dispatch. */
function kernel(during: (parts: { uniforms: GpuBuffer; output: GpuBuffer }) => void = () => {}): Tensor {
  const output = gpu.bufferManager.acquireBuffer(16, TENSOR_USAGE);
  const uniforms = gpu.bufferManager.acquireBuffer(32, UNIFORM);
  gpu.queue.writeBuffer(uniforms, 0, new Int32Array(8));
  const pass = gpu.device.createCommandEncoder().beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(2, 3);
  during({ uniforms, output });
  gpu.bufferManager.releaseBuffer(uniforms);
  return tensorOn(gpu, output, [1, 4], "float32", false);
}

test("what a run tells the device is noted, in order, and nothing that it is told afterwards", () => {
  const { tape, outputs } = record(gpu, arena, [FEED], ([feed]) => {
    const first = kernel();
    const from = device.tensorMap.get(first.dataId)!.resource!;
    const second = kernel(({ output }) => {
      gpu.device.createCommandEncoder().copyBufferToBuffer(from, 0, output, 0, 16);
    });
    expect(feed!.shape).toEqual([1, 4]);
    first.dispose();
    const third = kernel();
    // What was given back serves once more; what is in use does not.
    expect(device.tensorMap.get(third.dataId)!.resource).toBe(from);
    second.dispose();
    return [third];
  });
  const dispatch = { kind: "dispatch", pipeline, group, size: [2, 3, 1] };
  expect(tape.commands).toEqual([dispatch, dispatch, expect.objectContaining({ kind: "copy" }), dispatch]);
  expect(tape.own.map(({ size }) => size)).toEqual([32, 32, 32]);
  expect(new Set([...tape.inputs, ...tape.outputs.map(({ buffer }) => buffer)]).size).toBe(2);
  kernel().dispose();
  expect(tape.commands).toHaveLength(4);
  // They are the tape's.
  for (const output of outputs) output.dispose();
  for (const buffer of [...tape.own, ...tape.inputs]) expect(device.bufferManager.used).toContain(buffer);
  expect(device.bufferManager.used).toContain(tape.outputs[0]!.buffer);
});

let kept: Tensor;
test.each<[string, () => Tensor[], RegExp]>([
  [
    "reads in the middle",
    () => [
      kernel(() => {
        (gpu.device.createCommandEncoder() as unknown as Encoder).copyBufferToTexture();
      }),
    ],
    /copyBufferToTexture/,
  ],
  [
    "writes to what it has written",
    () => [kernel(({ uniforms }) => gpu.queue.writeBuffer(uniforms, 0, new Int32Array(8)))],
    /writes to a buffer in mid-run/,
  ],
  [
    "writes to a tensor",
    () => [kernel(({ output }) => gpu.queue.writeBuffer(output, 0, new Int32Array(4)))],
    /writes to a buffer in mid-run/,
  ],
  [
    "keeps a tensor",
    () => {
      kept = kernel();
      return [kernel()];
    },
    /keeps tensors of its own/,
  ],
  [
    "computes on the processor",
    () => {
      kernel().dispose();
      return [tensor([1, 2])];
    },
    /on the processor/,
  ],
  ["computes nothing", () => [], /nothing on the device/],
  [
    "fails",
    () => {
      kernel().dispose();
      throw new Error("no such kernel");
    },
    /no such kernel/,
  ],
])("a run that %s is not recorded, and leaves nothing behind", (what, run, reason) => {
  const { numTensors } = memory();
  expect(() => record(gpu, arena, [FEED], run)).toThrow(reason);
  if (what === "keeps a tensor") {
    // It stays whose it is.
    const { resource } = device.tensorMap.get(kept.dataId)!;
    arena.shrinkTo([]);
    expect(device.bufferManager.used).toContain(resource);
    expect(arena.open().take(16)).not.toBe(resource);
    kept.dispose();
  }
  expect(memory().numTensors).toBe(numTensors);
  arena.shrinkTo([]);
  expect([...device.bufferManager.used]).toEqual([]);
  expect(Object.keys(device.device)).toEqual([]);
  expect(Object.keys(device.queue)).toEqual([]);
});
