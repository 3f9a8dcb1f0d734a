import type { Tensor } from "@tensorflow/tfjs-core";
import { EddiError, toEddiError } from "#shared/errors";
import type { Arena } from "./arena.ts";
import type { Command, Tape } from "./tape.ts";
import {
  type BufferManager,
  bufferOf,
  flush,
  type GpuBuffer,
  type GpuEncoder,
  type GpuPass,
  TENSOR_USAGE,
  tensorOn,
  type WebgpuBackend,
} from "./webgpu-backend.ts";

/** What a run is fed with. */
interface Feed {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** A run that was recorded. */
export interface Recorded {
  readonly tape: Tape;
  /** As the run gave them, on the tape's buffers: to be read at once, and disposed of. */
  readonly outputs: readonly Tensor[];
}

/** What an encoder can do that a tape cannot. */
const NOT_ON_A_TAPE = [
  "beginRenderPass",
  "clearBuffer",
  "copyBufferToTexture",
  "copyTextureToBuffer",
  "copyTextureToTexture",
  "resolveQuerySet",
] as const;

/**
 * Runs something on TF.js and notes what it tells the device. All within it gets buffers that nobody else writes to
 * but other recordings' runs; the device, not its prototypes, is listened to, and only until it returns.
 *
 * @param feeds  values to run on; any will do
 * @param run    computes on tensors of these, and on weights that are on the device already
 * @throws EddiError `unavailable` for a run that fails or is more than commands. It may then keep buffers of the arena,
 *   so that no recording made before is to be played again
 */
export function record(
  gpu: WebgpuBackend,
  arena: Arena<GpuBuffer>,
  feeds: readonly Feed[],
  run: (feeds: readonly Tensor[]) => readonly Tensor[],
): Recorded {
  flush(gpu);
  const manager = gpu.bufferManager;
  const lease = arena.open();
  const commands: Command[] = [];
  const faults: string[] = [];
  /** Uniforms and constants, and whether TF.js is through with them. */
  const own = new Map<GpuBuffer, boolean>();
  const written = new Set<GpuBuffer>();
  /** Of the arena, what TF.js has not given back. */
  const taken = new Set<GpuBuffer>();
  const inputs = feeds.map(({ values }) => {
    const input = lease.take(values.byteLength);
    gpu.queue.writeBuffer(input, 0, values);
    return input;
  });
  const restore = [
    override(manager, "acquireBuffer", (acquire) => (size, usage, isMapped = false) => {
      if (usage === TENSOR_USAGE && !isMapped) {
        const buffer = lease.take(size);
        taken.add(buffer);
        return buffer;
      }
      const buffer = acquire(size, usage, isMapped, false);
      own.set(buffer, false);
      return buffer;
    }),
    override(manager, "releaseBuffer", (release) => (buffer, mayReuse) => {
      if (taken.delete(buffer)) lease.giveBack(buffer);
      else if (own.has(buffer)) own.set(buffer, true);
      else release(buffer, mayReuse);
    }),
    override(gpu.queue, "writeBuffer", (write) => (buffer, ...rest) => {
      if (!own.has(buffer) || written.has(buffer)) faults.push("it writes to a buffer in mid-run");
      written.add(buffer);
      write(buffer, ...rest);
    }),
    override(gpu.device, "createCommandEncoder", (create) => (...descriptor) => {
      const encoder = create(...descriptor);
      listen(encoder, commands, faults);
      return encoder;
    }),
  ];
  const tensors = feeds.map(({ shape }, at) => tensorOn(gpu, inputs[at]!, shape, "float32", true));
  let outputs: readonly Tensor[];
  try {
    outputs = run(tensors);
  } catch (thrown) {
    faults.push(toEddiError(thrown).message);
    outputs = [];
  } finally {
    flush(gpu);
    for (const tensor of tensors) tensor.dispose();
    for (const undo of restore) undo();
  }
  const results = outputs.map((tensor) => ({
    buffer: bufferOf(gpu, tensor),
    shape: tensor.shape,
    type: tensor.dtype,
  }));
  for (const tensor of outputs) {
    const buffer = bufferOf(gpu, tensor);
    if (buffer === null) faults.push("it computes on the processor");
    else if (taken.delete(buffer)) gpu.tensorMap.get(tensor.dataId).external = true;
    else if (own.has(buffer)) faults.push("it gives a constant");
  }
  if (taken.size > 0 || [...own.values()].includes(false)) faults.push("it keeps tensors of its own");
  if (!commands.some(({ kind }) => kind === "dispatch")) faults.push("it computes nothing on the device");
  if (faults.length > 0) {
    for (const tensor of outputs) tensor.dispose();
    for (const buffer of taken) arena.abandon(buffer);
    destroy(manager, own);
    throw new EddiError("unavailable", `cannot be recorded: ${[...new Set(faults)].join(", ")}`);
  }
  const tape: Tape = {
    commands,
    inputs,
    outputs: results.map((result) => ({ ...result, buffer: result.buffer! })),
    own: [...own.keys()],
    needs: lease.needs,
  };
  return { tape, outputs };
}

/** Notes what is encoded. */
function listen(encoder: GpuEncoder, commands: Command[], faults: string[]): void {
  override(encoder, "copyBufferToBuffer", (copy) => (from, at, to, toAt, bytes) => {
    commands.push({ kind: "copy", from, at, to, toAt, bytes });
    copy(from, at, to, toAt, bytes);
  });
  override(encoder, "beginComputePass", (begin) => (...descriptor) => {
    const pass = begin(...descriptor);
    listenToPass(pass, commands, faults);
    return pass;
  });
  const others = encoder as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
  for (const name of NOT_ON_A_TAPE) {
    if (others[name] === undefined) continue; // Dawn has not all.
    override(others, name, (call) => (...args) => {
      faults.push(`it calls ${name}`);
      return call(...args);
    });
  }
}

function listenToPass(pass: GpuPass, commands: Command[], faults: string[]): void {
  let pipeline: object | null = null;
  let group: object | null = null;
  override(pass, "setPipeline", (set) => (chosen) => {
    pipeline = chosen;
    set(chosen);
  });
  override(pass, "setBindGroup", (set) => (index, chosen, ...offsets) => {
    if (index !== 0 || offsets.length > 0) faults.push("it binds in another way");
    group = chosen;
    set(index, chosen, ...offsets);
  });
  override(pass, "dispatchWorkgroups", (dispatch) => (x, y = 1, z = 1) => {
    commands.push({ kind: "dispatch", pipeline: pipeline!, group: group!, size: [x, y, z] });
    dispatch(x, y, z);
  });
  const others = pass as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
  override(others, "dispatchWorkgroupsIndirect", (dispatch) => (...args) => {
    faults.push("the device decides how much it computes");
    return dispatch(...args);
  });
}

/** Stands before an object's method. @returns what ends that */
function override<T extends object, K extends keyof T>(
  target: T,
  name: K,
  make: (original: T[K]) => T[K],
): () => void {
  const original = (target[name] as (...args: unknown[]) => unknown).bind(target) as T[K];
  target[name] = make(original);
  return () => {
    delete (target as Partial<T>)[name];
  };
}

/** Destroys buffers that TF.js is through with; the others it has, and gives back as it does all. */
function destroy(manager: BufferManager, own: ReadonlyMap<GpuBuffer, boolean>): void {
  for (const [buffer, isOver] of own) {
    if (isOver) manager.releaseBuffer(buffer, false);
    else {
      // Where it would be given back to there must be room.
      const key = `${buffer.size}_${buffer.usage}`;
      if (!manager.freeBuffers.has(key)) manager.freeBuffers.set(key, []);
    }
  }
}
