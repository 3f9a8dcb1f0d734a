import { type Tensor, tensor } from "@tensorflow/tfjs-core";
import { EddiError, toEddiError } from "#shared/errors";
import { elementCount, type Model, type Segment } from "#shared/model";
import { randomFrom } from "#shared/random";
import type { SegmentRunner, TensorValues } from "#shared/runtime";
import type { Session } from "./session.ts";

export interface LiteRtOptions {
  /** A segment as TFLite. */
  readonly write: (segment: Segment) => Promise<Uint8Array>;
  readonly open: (file: Uint8Array) => Promise<Session>;
  /** Why values cannot be those of a node; null where nothing speaks against them. */
  readonly faultOf: (name: string, values: Float32Array) => string | null;
  /** Makes room for compiling a segment where nobody waits for it. */
  readonly later: (job: () => Promise<void>) => void;
  /** Told once, when LiteRT is not to be trusted any more: TF.js runs everything from then on. */
  readonly onBroken: (message: string) => void;
  /** Of the files that are compiled: beyond that the least recently used one goes. */
  readonly maxBytes?: number;
}

const MAX_BYTES = 64 * 1024 * 1024;
/** How far values may be from TF.js', of the largest of them. */
const TOLERANCE = 1e-3;

interface Entry {
  /** Without the outputs that are fed. */
  readonly segment: Segment;
  state: "new" | "opening" | "open" | "refused";
  session: Session | null;
  bytes: number;
}

/**
 * A model on LiteRT, before TF.js. A segment that is asked for runs on TF.js until LiteRT has compiled it, and has been found
 * to compute as TF.js does; one that cannot be written stays there. Whatever else goes wrong ends LiteRT, and loses nothing:
 * TF.js runs what was asked for.
 */
export class LiteRtModel implements SegmentRunner {
  readonly model: Model;
  private readonly tfjs: SegmentRunner;
  private readonly options: LiteRtOptions;
  /** The least recently used first. */
  private readonly entries = new Map<string, Entry>();
  private bytes = 0;
  private isOver = false;

  constructor(tfjs: SegmentRunner, options: LiteRtOptions) {
    this.model = tfjs.model;
    this.tfjs = tfjs;
    this.options = options;
  }

  /** Whether LiteRT runs this segment. */
  has(segment: Segment): boolean {
    return this.entryOf(segment)?.state === "open";
  }

  async run(segment: Segment, feeds: readonly Tensor[]): Promise<Tensor[]> {
    const entry = this.wanted(segment);
    if (entry === null) return this.tfjs.run(segment, feeds);
    const values = await Promise.all(feeds.map(valuesOf));
    const found = await this.tryRun(entry, values);
    if (found === null) return this.tfjs.run(segment, feeds);
    return segment.outputs.map((name) => {
      const at = segment.feeds.indexOf(name);
      if (at >= 0) return feeds[at]!.clone();
      const { values: own, shape } = found[entry.segment.outputs.indexOf(name)]!;
      return tensor(own, [...shape], "float32");
    });
  }

  async runValues(segment: Segment, feeds: readonly TensorValues[]): Promise<TensorValues[]> {
    const entry = this.wanted(segment);
    const found = entry === null ? null : await this.tryRun(entry, feeds);
    if (found === null) return this.tfjs.runValues(segment, feeds);
    return segment.outputs.map((name) => {
      const at = segment.feeds.indexOf(name);
      return at >= 0 ? feeds[at]! : found[entry!.segment.outputs.indexOf(name)]!;
    });
  }

  /** Has LiteRT compile a segment now. */
  async prepare(segment: Segment): Promise<void> {
    await this.tfjs.prepare(segment);
    const entry = this.entryOf(segment);
    if (entry?.state === "new") await this.open(entry);
  }

  /** Frees all that LiteRT holds; TF.js runs everything from now on. */
  dispose(): void {
    this.isOver = true;
    for (const entry of this.entries.values()) this.close(entry, "refused");
  }

  /** @returns null where TF.js is to run it, which this then has changed if it can */
  private wanted(segment: Segment): Entry | null {
    const entry = this.entryOf(segment);
    if (entry?.state === "new") {
      entry.state = "opening";
      this.options.later(() => this.open(entry));
    }
    return entry?.state === "open" ? entry : null;
  }

  private async tryRun(entry: Entry, feeds: readonly TensorValues[]): Promise<TensorValues[] | null> {
    try {
      return await this.checkedRun(entry, entry.session!, feeds);
    } catch (thrown) {
      this.end(toEddiError(thrown).message);
      return null;
    }
  }

  /** @throws EddiError `internal` when these cannot be the values; whatever LiteRT throws */
  private async checkedRun(
    { segment }: Pick<Entry, "segment">,
    session: Session,
    feeds: readonly TensorValues[],
  ): Promise<TensorValues[]> {
    const found = await session.run(feeds);
    for (const [at, name] of segment.outputs.entries()) {
      const shape = [1, ...this.model.metadata.tensors[name]!.shape];
      const own = found[at];
      const isWhole = own?.shape.join() === shape.join() && own.values.length === elementCount(shape);
      const fault = isWhole
        ? this.options.faultOf(name, own.values)
        : `expected [${shape}], got [${own?.shape ?? ""}]`;
      if (fault !== null) throw new EddiError("internal", `${name}: ${fault}`);
    }
    return found;
  }

  private async open(entry: Entry): Promise<void> {
    if (this.isOver) return;
    entry.state = "opening";
    const { segment } = entry;
    let file: Uint8Array;
    try {
      file = await this.options.write(segment);
    } catch (thrown) {
      // It may be written on the next visit, or never: TF.js runs it.
      console.warn(`LiteRT: ${toEddiError(thrown).message}`);
      entry.state = "refused";
      return;
    }
    try {
      const session = await this.options.open(file);
      try {
        await this.compare(entry, session);
      } catch (thrown) {
        session.close();
        throw thrown;
      }
      if (this.isOver) session.close();
      else this.keep(entry, session, file.byteLength);
    } catch (thrown) {
      this.end(toEddiError(thrown).message);
    }
  }

  /** @throws EddiError `internal` when LiteRT does not compute what TF.js does */
  private async compare({ segment }: Entry, session: Session): Promise<void> {
    const feeds = segment.feeds.map((name) => this.noise(name));
    const expected = await this.tfjs.runValues(segment, feeds);
    const found = await this.checkedRun({ segment }, session, feeds);
    for (const [at, name] of segment.outputs.entries()) {
      const right = expected[at]!.values;
      const most = right.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
      const off = found[at]!.values.reduce((far, value, i) => Math.max(far, Math.abs(value - right[i]!)), 0);
      if (off > TOLERANCE * most) {
        throw new EddiError(
          "internal",
          `${name}: expected TF.js' values, got some off by ${off.toPrecision(2)}`,
        );
      }
    }
  }

  private noise(name: string): TensorValues {
    const { shape: sides, range } = this.model.metadata.tensors[name]!;
    const shape = [1, ...sides];
    const random = randomFrom(20261128);
    const values = Float32Array.from(
      { length: elementCount(shape) },
      () => range[0] + (range[1] - range[0]) * random(),
    );
    return { shape, values };
  }

  private keep(entry: Entry, session: Session, bytes: number): void {
    Object.assign(entry, { state: "open", session, bytes });
    this.bytes += bytes;
    for (const other of this.entries.values()) {
      if (this.bytes <= (this.options.maxBytes ?? MAX_BYTES)) return;
      if (other !== entry) this.close(other, "new");
    }
  }

  private close(entry: Entry, state: Entry["state"]): void {
    const { session, bytes } = entry;
    if (session === null) return;
    Object.assign(entry, { state, session: null, bytes: 0 });
    this.bytes -= bytes;
    session.close();
  }

  private end(message: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.options.onBroken(message);
    try {
      this.dispose();
    } catch (thrown) {
      // With the runtime its memory is gone.
      console.warn(`LiteRT, freeing: ${toEddiError(thrown).message}`);
    }
  }

  /** @returns null for what is TF.js' to run */
  private entryOf(segment: Segment): Entry | null {
    const outputs = segment.outputs.filter((name) => !segment.feeds.includes(name));
    if (this.isOver || segment.nodes.length === 0 || outputs.length === 0) return null;
    const key = JSON.stringify([segment.feeds, outputs]);
    const known = this.entries.get(key);
    const entry: Entry = known ?? { segment: { ...segment, outputs }, state: "new", session: null, bytes: 0 };
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry;
  }
}

async function valuesOf(feed: Tensor): Promise<TensorValues> {
  return { shape: feed.shape, values: (await feed.data()) as Float32Array };
}
