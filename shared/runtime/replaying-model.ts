import { backend, dispose, env, type Tensor, type TypedArray, tensor } from "@tensorflow/tfjs-core";
import { toEddiError } from "#shared/errors";
import { elementCount, type Model, type Segment } from "#shared/model";
import { randomFrom } from "#shared/random";
import { Arena } from "./replay/arena.ts";
import { type Recorded, record } from "./replay/record.ts";
import { play, type Tape } from "./replay/tape.ts";
import {
  flush,
  type GpuBuffer,
  TENSOR_USAGE,
  type WebgpuBackend,
  webgpuBackend,
} from "./replay/webgpu-backend.ts";
import { SegmentModel, type TensorValues } from "./segment-model.ts";

export interface ReplayOptions {
  /** Of the buffers of all tapes: beyond that the least recently used one goes. */
  readonly maxBytes?: number;
  /** Makes room for a recording, which takes about four runs, where nobody waits for it. */
  readonly later: (job: () => Promise<void>) => void;
  /** Told why something stays with TF.js, once. */
  readonly tell: (message: string) => void;
}

const MAX_BYTES = 64 * 1024 * 1024;
/** What has run so often is worth a recording: the first run uploads weights, and may be the only one. */
const WORTH_RUNS = 2;
/** So often a device may report a fault before replays are taken for its cause. */
const MOST_DOUBTS = 3;

/** What is known of a segment for inputs of some shapes. */
interface Entry {
  readonly segment: Segment;
  readonly shapes: readonly (readonly number[])[];
  runs: number;
  /** Played once `isTrusted`: it was found to compute as TF.js does. */
  tape: Tape | null;
  isTrusted: boolean;
  /** It is being recorded, or was, or cannot be. */
  isClosed: boolean;
}

/**
 * A model on TF.js' WebGPU backend. What runs again and again is recorded, and from then on replayed: most of what TF.js
 * does in a run is to find out once more what to tell the device.
 *
 * A tape is played when it has given TF.js' values, bit for bit, for its own input and for another. One that has not is
 * the last that is made.
 */
export class ReplayingModel extends SegmentModel {
  private readonly options: ReplayOptions;
  private readonly gpu: WebgpuBackend = webgpuBackend();
  private readonly arena: Arena<GpuBuffer>;
  private readonly entries = new Map<string, Entry>();
  /** The least recently used first. */
  private readonly taped = new Set<Entry>();
  private readonly told = new Set<string>();
  private doubted = 0;
  private isOff = false;

  constructor(model: Model, options: ReplayOptions) {
    super(model);
    this.options = options;
    const { bufferManager } = this.gpu;
    // Not the one that a recording puts in its place.
    const acquire = bufferManager.acquireBuffer.bind(bufferManager);
    this.arena = new Arena(
      (size) => acquire(size, TENSOR_USAGE, false, false),
      (buffer) => bufferManager.releaseBuffer(buffer, false),
    );
  }

  /** How often something has happened to the device. */
  get doubts(): number {
    return this.doubted;
  }

  /** How many recordings there are. */
  get tapes(): number {
    return this.taped.size;
  }

  /** Of all tapes' buffers. */
  get bytes(): number {
    const own = [...this.taped].flatMap(({ tape }) => tape!.own);
    return own.reduce((sum, { size }) => sum + size, this.arena.bytes);
  }

  override run(segment: Segment, feeds: readonly Tensor[]): Tensor[] {
    const entry = this.entryFor(segment, feeds);
    if (entry === null) return super.run(segment, feeds);
    if (entry.tape !== null && entry.isTrusted) return this.replay(entry, entry.tape, feeds);
    const outputs = super.run(segment, feeds);
    entry.runs += 1;
    if (entry.runs >= WORTH_RUNS && !entry.isClosed) {
      entry.isClosed = true;
      this.options.later(() => this.tryRecord(entry));
    }
    return outputs;
  }

  override async prepare(segment: Segment): Promise<void> {
    const { tensors } = this.model.metadata;
    const entry = this.entryOf(
      segment,
      segment.feeds.map((name) => [1, ...tensors[name]!.shape]),
    );
    if (entry.isClosed || this.isOff || computedBy(segment).length === 0) return;
    entry.isClosed = true;
    await this.tryRecord(entry);
  }

  /** Something has happened to the device: every tape is recorded anew, and compared, before it is played again. */
  doubt(): void {
    this.dropAll();
    this.doubted += 1;
    if (this.doubted < MOST_DOUBTS || this.isOff) return;
    this.isOff = true;
    this.tellOnce("the device reports faults again and again; TF.js runs everything from now on");
  }

  override dispose(): void {
    this.isOff = true;
    this.dropAll();
    super.dispose();
  }

  /** @returns null for what is TF.js' to run */
  private entryFor(segment: Segment, feeds: readonly Tensor[]): Entry | null {
    if (this.isOff || computedBy(segment).length === 0) return null;
    // Another backend may be tried meanwhile; what is timed or only compiled is TF.js' own.
    if ((backend() as unknown) !== this.gpu || this.gpu.activeTimers != null) return null;
    if (env().getBool("WEBGPU_ENGINE_COMPILE_ONLY")) return null;
    if (feeds.some(({ dtype }) => dtype !== "float32")) return null;
    return this.entryOf(
      segment,
      feeds.map(({ shape }) => shape),
    );
  }

  private entryOf(segment: Segment, shapes: Entry["shapes"]): Entry {
    const key = `${segment.feeds}>${segment.outputs}>${shapes.join("|")}`;
    const known = this.entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = { segment, shapes, runs: 0, tape: null, isTrusted: false, isClosed: false };
    this.entries.set(key, entry);
    return entry;
  }

  private replay(entry: Entry, tape: Tape, feeds: readonly Tensor[]): Tensor[] {
    const { segment } = entry;
    this.taped.delete(entry);
    this.taped.add(entry);
    const outputs = play(this.gpu, tape, feeds);
    const computed = computedBy(segment);
    return segment.outputs.map((name) => {
      const at = segment.feeds.indexOf(name);
      return at < 0 ? outputs[computed.indexOf(name)]! : feeds[at]!.clone();
    });
  }

  private async tryRecord(entry: Entry): Promise<void> {
    if (this.isOff) return;
    try {
      await this.recordAndCompare(entry);
    } catch (thrown) {
      if (entry.tape !== null) this.drop(entry);
      entry.isClosed = true;
      this.tellOnce(`${entry.segment.outputs} ${toEddiError(thrown).message}; TF.js runs it`);
    }
  }

  private async recordAndCompare(entry: Entry): Promise<void> {
    const segment = { ...entry.segment, outputs: computedBy(entry.segment) };
    const [one, other] = [1, 2].map((seed) => entry.shapes.map((shape) => noise(shape, seed)));
    // TF.js comes first: weights that are not on the device yet are uploaded.
    const expected = readAll(this.onValues(one!, (feeds) => super.run(segment, feeds)));
    const expectedOther = readAll(this.onValues(other!, (feeds) => super.run(segment, feeds)));
    let recorded: Recorded;
    try {
      recorded = record(this.gpu, this.arena, one!, (feeds) => super.run(segment, feeds));
    } catch (thrown) {
      this.dropAll();
      await Promise.all([expected, expectedOther]);
      throw thrown;
    }
    const { tape, outputs } = recorded;
    entry.tape = tape;
    this.taped.add(entry);
    const found = readAll(outputs);
    const foundOther = readAll(this.onValues(other!, (feeds) => play(this.gpu, tape, feeds)));
    const foundAgain = readAll(this.onValues(one!, (feeds) => play(this.gpu, tape, feeds)));
    const [right, rightOther, ...ours] = await Promise.all([
      expected,
      expectedOther,
      found,
      foundAgain,
      foundOther,
    ]);
    if (entry.tape !== tape) return; // It was dropped meanwhile.
    const isRight = [right, right, rightOther].every((values, at) => isSame(values, ours[at]!));
    if (isRight) {
      entry.isTrusted = true;
      this.keepWithin(entry);
      return;
    }
    this.isOff = true;
    this.dropAll();
    this.tellOnce(`${entry.segment.outputs}: a replay differs from TF.js, which runs everything from now on`);
  }

  private onValues(values: readonly TensorValues[], run: (feeds: Tensor[]) => Tensor[]): Tensor[] {
    const feeds = values.map((one) => tensor(one.values, [...one.shape], "float32"));
    try {
      return run(feeds);
    } finally {
      dispose(feeds);
    }
  }

  private keepWithin(newest: Entry): void {
    const { maxBytes = MAX_BYTES } = this.options;
    for (const entry of this.taped) {
      if (this.bytes <= maxBytes) return;
      if (entry !== newest) this.drop(entry);
    }
    if (this.bytes <= maxBytes) return;
    const needed = this.bytes;
    this.drop(newest);
    newest.isClosed = true;
    this.tellOnce(`${newest.segment.outputs} would need ${needed} bytes of ${maxBytes}; TF.js runs it`);
  }

  private dropAll(): void {
    for (const entry of [...this.taped]) this.drop(entry);
  }

  /** Forgets a tape and destroys its buffers. What it computed is where it was copied to. */
  private drop(entry: Entry): void {
    const { own } = entry.tape!;
    entry.tape = null;
    Object.assign(entry, { runs: 0, isTrusted: false, isClosed: false });
    this.taped.delete(entry);
    flush(this.gpu);
    for (const buffer of own) this.gpu.bufferManager.releaseBuffer(buffer, false);
    this.arena.shrinkTo([...this.taped].map(({ tape }) => tape!.needs));
  }

  private tellOnce(message: string): void {
    if (this.told.has(message)) return;
    this.told.add(message);
    this.options.tell(`WebGPU replay: ${message}`);
  }
}

/** What a segment does not get. */
function computedBy({ outputs, feeds }: Segment): readonly string[] {
  return outputs.filter((name) => !feeds.includes(name));
}

function noise(shape: readonly number[], seed: number): TensorValues {
  const random = randomFrom(seed);
  return { shape, values: Float32Array.from({ length: elementCount(shape) }, () => 2 * random() - 1) };
}

/** Reads tensors, which it disposes of. What reads them is encoded before it returns. */
async function readAll(tensors: readonly Tensor[]): Promise<readonly TypedArray[]> {
  try {
    return await Promise.all(tensors.map((one) => one.data()));
  } finally {
    dispose([...tensors]);
  }
}

/** Bit for bit: NaN is NaN here. */
function isSame(expected: readonly TypedArray[], found: readonly TypedArray[]): boolean {
  return expected.every((values, at) => {
    const [a, b] = [bitsOf(values), bitsOf(found[at]!)];
    return a.length === b.length && a.every((bits, i) => bits === b[i]);
  });
}

function bitsOf({ buffer, byteOffset, byteLength }: TypedArray): Uint32Array {
  return new Uint32Array(buffer, byteOffset, byteLength >> 2);
}
