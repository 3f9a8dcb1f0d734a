import { setTimeout as sleep } from "node:timers/promises";
import { toEddiError } from "#shared/errors";
import type { Model, Precision, Segment, Shard } from "#shared/model";
import type { TensorValues } from "#shared/runtime";
import type { LoadedModel } from "./engine.ts";
import type { SessionShelf, Shelved } from "./session-shelf.ts";

/** What ONNX Runtime has made of a file. */
export interface Session {
  /** As `LoadedModel.runValues`, of the segment that was exported. */
  run(segment: Segment, feeds: readonly TensorValues[]): Promise<TensorValues[]>;
  close(): Promise<void>;
}

export interface OnnxOptions {
  /** @throws Error when it cannot run the file */
  readonly open: (file: Uint8Array) => Promise<Session>;
  readonly shelf: SessionShelf;
  /** @throws EddiError `bad-model` for what cannot be exported */
  readonly exportSegment: (
    model: Model,
    segment: Segment,
    bytesOf: (path: string) => Uint8Array | undefined,
    options: { readonly precision: Precision },
  ) => Uint8Array;
  /** The user asked for this engine; else it only runs what it runs faster. */
  readonly isChosen: boolean;
  /** What is computed in, but for learned codecs' decoders; a segment that does not give about what TF.js gives in int8 is computed in fp32. */
  readonly precision: Precision;
  /** Told once of each segment that stays on TF.js because of a fault. */
  readonly tell: (message: string) => void;
}

/** What becomes of a segment: TF.js runs it until a session does, or for good. */
interface Entry {
  readonly segment: Segment;
  state: "new" | "opening" | "open" | "refused";
  session: Session | null;
  shelved: Shelved | null;
}

/** Opening, which stops everything for some milliseconds, waits until nothing has been asked for so long. */
const REST_MS = 5;
/** But not for longer: under load it pays soonest. */
const PATIENCE_MS = 1_000;
/** Of each, the faster run counts. */
const TIMED_RUNS = 2;
/** Largest difference from TF.js, as a share of the largest number; in int8 whatever is no plain fault. */
const TOLERANCES: Readonly<Record<Precision, number>> = { fp32: 1e-3, int8: 0.35 };

/** A model whose segments run on ONNX Runtime, once they are exported, and on TF.js until then and whenever that fails. */
export class OnnxModel implements LoadedModel {
  private readonly model: Model;
  private readonly tfjs: LoadedModel;
  private readonly options: OnnxOptions;
  private readonly shards = new Map<string, Uint8Array>();
  private readonly entries = new Map<string, Entry>();
  private opening: Promise<void> = Promise.resolve();
  /** Somebody waits until all is opened. */
  private hurries = 0;
  private disposed = false;

  constructor(model: Model, tfjs: LoadedModel, options: OnnxOptions) {
    this.model = model;
    this.tfjs = tfjs;
    this.options = options;
  }

  addShard(shard: Shard, bytes: Uint8Array): void {
    this.tfjs.addShard(shard, bytes);
    this.shards.set(shard.path, bytes);
  }

  runValues(segment: Segment, feeds: readonly TensorValues[]): Promise<TensorValues[]> {
    return this.options.shelf.busy(() => this.run(this.entryOf(segment), feeds));
  }

  async opened(): Promise<void> {
    this.hurries++;
    await this.opening;
    this.hurries--;
  }

  isStandIn(segment: Segment): boolean {
    const { state } = this.entryOf(segment);
    return segment.nodes.length > 0 && (state === "new" || state === "opening");
  }

  dispose(): void {
    this.disposed = true;
    for (const entry of this.entries.values()) this.close(entry, "refused");
    this.tfjs.dispose();
  }

  private async run(entry: Entry, feeds: readonly TensorValues[]): Promise<TensorValues[]> {
    const { segment, session } = entry;
    const found = session === null ? null : await this.tryRun(entry, session, feeds);
    if (found?.every(isNumbers)) return found;
    const expected = await this.tfjs.runValues(segment, feeds);
    // Where TF.js finds no numbers either, the tensors are to blame.
    if (found !== null && expected.every(isNumbers)) this.refuse(entry, "got scores that are no numbers");
    if (entry.state === "new" && segment.nodes.length > 0) this.openLater(entry, feeds, expected);
    return expected;
  }

  /** @returns null when it failed: it will not be tried again */
  private async tryRun(
    entry: Entry,
    session: Session,
    feeds: readonly TensorValues[],
  ): Promise<TensorValues[] | null> {
    const shelved = entry.shelved!;
    this.options.shelf.use(shelved);
    shelved.isRunning = true;
    try {
      return await session.run(entry.segment, feeds);
    } catch (thrown) {
      this.refuse(entry, toEddiError(thrown).message);
      return null;
    } finally {
      shelved.isRunning = false;
    }
  }

  private openLater(entry: Entry, feeds: readonly TensorValues[], expected: readonly TensorValues[]): void {
    entry.state = "opening";
    this.opening = this.opening
      .then(() => this.quiet())
      .then(() => this.open(entry, feeds, expected))
      .catch((thrown: unknown) => this.refuse(entry, toEddiError(thrown).message));
  }

  private async quiet(): Promise<void> {
    const untilMs = performance.now() + PATIENCE_MS;
    while (this.hurries === 0 && !this.disposed && performance.now() < untilMs) {
      if (this.options.shelf.rests(REST_MS)) return;
      await sleep(REST_MS);
    }
  }

  /** @throws Error saying why TF.js has to run it */
  private async open(
    entry: Entry,
    feeds: readonly TensorValues[],
    expected: readonly TensorValues[],
  ): Promise<void> {
    const precision = this.precisionOf(entry.segment);
    try {
      await this.openIn(precision, entry, feeds, expected);
    } catch (thrown) {
      if (precision === "fp32") throw thrown;
      this.tell(entry, `is computed in fp32, expected int8: ${toEddiError(thrown).message}`);
      await this.openIn("fp32", entry, feeds, expected);
    }
  }

  /** What int8 costs was measured of exits, not of what learned codecs decode: their decoders are computed in fp32. */
  private precisionOf({ outputs }: Segment): Precision {
    const isDecoder = [...this.model.detours.values()].some(
      ({ decoder }) => `${decoder.outputs}` === `${outputs}`,
    );
    return isDecoder ? "fp32" : this.options.precision;
  }

  private async openIn(
    precision: Precision,
    entry: Entry,
    feeds: readonly TensorValues[],
    expected: readonly TensorValues[],
  ): Promise<void> {
    if (this.disposed) return;
    const { segment } = entry;
    const bytesOf = (path: string): Uint8Array | undefined => this.shards.get(path);
    const file = this.options.exportSegment(this.model, segment, bytesOf, { precision });
    const session = await this.options.open(file);
    try {
      const found = await session.run(segment, feeds);
      if (!agree(found, expected, TOLERANCES[precision]))
        throw new Error("it does not give what TF.js gives");
      const isFaster = this.options.isChosen || (await this.isFaster(session, segment, feeds));
      if (isFaster && !this.disposed) {
        this.keep(entry, session, file.byteLength);
        return;
      }
      entry.state = "refused";
    } catch (thrown) {
      await session.close();
      throw thrown;
    }
    await session.close();
  }

  private async isFaster(
    session: Session,
    segment: Segment,
    feeds: readonly TensorValues[],
  ): Promise<boolean> {
    // A model that is disposed meanwhile has no weights left.
    const tfjsMs = await leastOf(() => this.tfjs.runValues(segment, feeds));
    return (await leastOf(() => session.run(segment, feeds))) < tfjsMs;
  }

  private keep(entry: Entry, session: Session, bytes: number): void {
    entry.state = "open";
    entry.session = session;
    entry.shelved = { bytes, isRunning: false, drop: () => this.close(entry, "new") };
    this.options.shelf.add(entry.shelved);
  }

  private refuse(entry: Entry, why: string): void {
    this.close(entry, "refused");
    this.tell(entry, `stays on TF.js, expected ONNX Runtime to run it: ${why}`);
  }

  private tell({ segment: { feeds, outputs } }: Entry, what: string): void {
    if (this.disposed) return;
    const where = `${this.model.metadata.id}, from ${feeds.join(", ")} to ${outputs.join(", ")}`;
    this.options.tell(`${where}: ${what}`);
  }

  private close(entry: Entry, state: Entry["state"]): void {
    const { session, shelved } = entry;
    entry.state = state;
    entry.session = null;
    entry.shelved = null;
    if (shelved !== null) this.options.shelf.remove(shelved);
    session?.close().catch(() => {});
  }

  private entryOf(segment: Segment): Entry {
    const key = JSON.stringify([segment.feeds, segment.outputs]);
    const known = this.entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = { segment, state: "new", session: null, shelved: null };
    this.entries.set(key, entry);
    return entry;
  }
}

const isNumbers = ({ values }: TensorValues): boolean => values.every(Number.isFinite);

function agree(
  found: readonly TensorValues[],
  expected: readonly TensorValues[],
  tolerance: number,
): boolean {
  return expected.every(({ values }, at) => {
    const own = found[at]?.values;
    if (own?.length !== values.length) return false;
    const most = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
    return values.every((value, i) => Math.abs(value - own[i]!) <= tolerance * most);
  });
}

async function leastOf(run: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TIMED_RUNS; i++) {
    const startMs = performance.now();
    await run();
    least = Math.min(least, performance.now() - startMs);
  }
  return least;
}
