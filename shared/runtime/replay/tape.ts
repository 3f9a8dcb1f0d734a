import type { DataType, Tensor } from "@tensorflow/tfjs-core";
import type { Needs } from "./arena.ts";
import {
  bufferOf,
  flush,
  type GpuBuffer,
  type GpuPass,
  TENSOR_USAGE,
  tensorOn,
  type WebgpuBackend,
} from "./webgpu-backend.ts";

export type Command =
  | {
      readonly kind: "dispatch";
      readonly pipeline: object;
      readonly group: object;
      readonly size: readonly [number, number, number];
    }
  | {
      readonly kind: "copy";
      readonly from: GpuBuffer;
      readonly at: number;
      readonly to: GpuBuffer;
      readonly toAt: number;
      readonly bytes: number;
    };

/** A tensor that commands write, and its buffer. */
export interface TapeOutput {
  readonly buffer: GpuBuffer;
  readonly shape: readonly number[];
  readonly type: DataType;
}

/** What one run told the device to do. */
export interface Tape {
  readonly commands: readonly Command[];
  /** What is fed is written here, in the order of the segment's feeds. */
  readonly inputs: readonly GpuBuffer[];
  readonly outputs: readonly TapeOutput[];
  /** Uniforms and constants: nobody else's. */
  readonly own: readonly GpuBuffer[];
  /** Of the arena that all tapes share. */
  readonly needs: Needs;
}

/**
 * Encodes a tape's commands once more, for other inputs. As TF.js does, what is encoded last is submitted by whoever
 * reads it; unlike TF.js, no kernel, shape or uniform is looked at.
 *
 * @param feeds float32 tensors of the recorded shapes, in the order of the tape's inputs
 * @returns a tensor for each output, the caller's to dispose of
 */
export function play(gpu: WebgpuBackend, tape: Tape, feeds: readonly Tensor[]): Tensor[] {
  // It may compute what is fed, or use this tape's inputs.
  flush(gpu);
  const { queue } = gpu;
  gpu.ensureCommandEncoderReady();
  const encoder = gpu.commandEncoder!;
  for (const [at, feed] of feeds.entries()) {
    const input = tape.inputs[at]!;
    const from = bufferOf(gpu, feed);
    if (from === null) queue.writeBuffer(input, 0, gpu.tensorMap.get(feed.dataId).values!);
    else {
      encoder.copyBufferToBuffer(from, 0, input, 0, input.size);
      gpu.commandQueueOwnedIds.add(feed.dataId);
    }
  }
  let pass: GpuPass | null = null;
  let last: object | null = null;
  for (const command of tape.commands) {
    if (command.kind === "copy") {
      pass?.end();
      pass = null;
      encoder.copyBufferToBuffer(command.from, command.at, command.to, command.toAt, command.bytes);
      continue;
    }
    if (pass === null) {
      pass = encoder.beginComputePass();
      last = null;
    }
    if (command.pipeline !== last) pass.setPipeline(command.pipeline);
    last = command.pipeline;
    pass.setBindGroup(0, command.group);
    pass.dispatchWorkgroups(...command.size);
  }
  pass?.end();
  return tape.outputs.map(({ buffer, shape, type }) => {
    // The next run overwrites the tape's own.
    const copy = gpu.bufferManager.acquireBuffer(buffer.size, TENSOR_USAGE);
    encoder.copyBufferToBuffer(buffer, 0, copy, 0, buffer.size);
    return tensorOn(gpu, copy, shape, type, false);
  });
}
