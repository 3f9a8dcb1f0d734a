import { backend } from "@tensorflow/tfjs-core";
import type { Model, Segment } from "#shared/model";
import { ReplayingModel, type TensorValues } from "#shared/runtime";
import type { LoadedModel } from "./engine.ts";

/** Of the tapes of a worker's model: tails in batches of all sizes. */
const MAX_BYTES = 512 * 1024 * 1024;

/** A model on WebGPU whose tails are recorded one after the other, between the requests of this thread. */
export class Replayed extends ReplayingModel implements LoadedModel {
  private readonly recording: { last: Promise<void> };
  private readonly ignore: () => void;

  constructor(model: Model, tell: (message: string) => void, maxBytes = MAX_BYTES) {
    const recording = { last: Promise.resolve() };
    super(model, {
      maxBytes,
      tell,
      later: (job) => {
        recording.last = recording.last.then(job);
      },
    });
    this.recording = recording;
    const { device } = backend() as unknown as { readonly device: EventTarget };
    const onFault = (): void => this.doubt();
    device.addEventListener("uncapturederror", onFault);
    this.ignore = () => device.removeEventListener("uncapturederror", onFault);
  }

  override async runValues(segment: Segment, feeds: readonly TensorValues[]): Promise<TensorValues[]> {
    const before = this.doubts;
    const found = await super.runValues(segment, feeds);
    // A replay may be what is at fault. Now TF.js runs.
    return this.doubts === before ? found : super.runValues(segment, feeds);
  }

  /** What has run often enough is recorded by then. */
  async opened(): Promise<void> {
    await this.recording.last;
  }

  override dispose(): void {
    this.ignore();
    super.dispose();
  }
}
