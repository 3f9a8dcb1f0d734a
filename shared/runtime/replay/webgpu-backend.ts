import { backend, type DataType, engine, type Tensor } from "@tensorflow/tfjs-core";

/** What we use of a browser's WebGPU; `@webgpu/types` would bring the DOM here. */
export interface GpuBuffer {
  readonly size: number;
  readonly usage: number;
}

export interface GpuPass {
  setPipeline(pipeline: object): void;
  setBindGroup(index: number, group: object, ...offsets: readonly unknown[]): void;
  dispatchWorkgroups(x: number, y?: number, z?: number): void;
  end(): void;
}

export interface GpuEncoder {
  beginComputePass(...descriptor: readonly object[]): GpuPass;
  copyBufferToBuffer(from: GpuBuffer, at: number, to: GpuBuffer, toAt: number, bytes: number): void;
}

interface GpuDevice {
  createCommandEncoder(...descriptor: readonly object[]): GpuEncoder;
}

interface GpuQueue {
  writeBuffer(
    buffer: GpuBuffer,
    at: number,
    values: ArrayBuffer | ArrayBufferView,
    ...part: readonly number[]
  ): void;
}

/** Where TF.js has a tensor. */
interface TensorData {
  readonly values: ArrayBufferView | null;
  /** A texture of a picture's pixels has no size. */
  resource: Partial<GpuBuffer> | null;
  /** The buffer is not TF.js' to give back. */
  external?: boolean;
}

export interface BufferManager {
  acquireBuffer(size: number, usage: number, isMapped?: boolean, mayReuse?: boolean): GpuBuffer;
  releaseBuffer(buffer: GpuBuffer, mayReuse?: boolean): void;
  readonly freeBuffers: Map<string, GpuBuffer[]>;
}

/** What we use of TF.js' WebGPU backend (4.22.0) beyond the common interface. */
export interface WebgpuBackend {
  readonly device: GpuDevice;
  readonly queue: GpuQueue;
  readonly bufferManager: BufferManager;
  readonly tensorMap: { get(dataId: object): TensorData };
  /** Tensors that commands use which were not submitted. */
  readonly commandQueueOwnedIds: { add(dataId: object): void };
  readonly commandEncoder: GpuEncoder | null;
  /** While TF.js times its kernels. */
  readonly activeTimers?: unknown;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  write(values: null, shape: readonly number[], type: DataType): object;
}

/** Of buffers, as WebGPU numbers them. */
const USAGE = { copySource: 4, copyTarget: 8, storage: 128 } as const;
/** TF.js gives it to all tensors. */
export const TENSOR_USAGE = USAGE.copySource | USAGE.copyTarget | USAGE.storage;

/** Whether the active backend is one whose runs can be recorded, as far as can be seen. */
export function canReplay(): boolean {
  const { device, queue, bufferManager, tensorMap } = webgpuBackend();
  return [device, queue, bufferManager?.freeBuffers, tensorMap].every((part) => part !== undefined);
}

/** The active backend, which is TF.js' for WebGPU. */
export function webgpuBackend(): WebgpuBackend {
  return backend() as unknown as WebgpuBackend;
}

/** Submits what was encoded so far, which comes before whatever is written from now on. */
export function flush(gpu: WebgpuBackend): void {
  gpu.endComputePassEncoder();
  if (gpu.commandEncoder !== null) gpu.submitQueue();
}

/** The buffer of a tensor; null where its values are still, or only, with the processor, or are pixels. */
export function bufferOf(gpu: WebgpuBackend, { dataId }: Pick<Tensor, "dataId">): GpuBuffer | null {
  const { resource } = gpu.tensorMap.get(dataId);
  return resource?.size === undefined ? null : (resource as GpuBuffer);
}

/**
 * A tensor of a buffer that commands will fill.
 *
 * @param isBorrowed the buffer stays the caller's when the tensor is disposed of
 */
export function tensorOn(
  gpu: WebgpuBackend,
  buffer: GpuBuffer,
  shape: readonly number[],
  type: DataType,
  isBorrowed: boolean,
): Tensor {
  const dataId = gpu.write(null, shape, type);
  const data = gpu.tensorMap.get(dataId);
  data.resource = buffer;
  data.external = isBorrowed;
  gpu.commandQueueOwnedIds.add(dataId);
  return engine().makeTensorFromDataId(dataId, [...shape], type, backend());
}
