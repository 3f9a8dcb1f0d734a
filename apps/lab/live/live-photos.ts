import { type Random, shuffled } from "#shared/random";
import type { DataSource } from "../data/find-data.ts";
import { halves } from "../data/halves.ts";
import { inputBatch } from "../evaluate/exit-scores.ts";
import { openForPhotos } from "../evaluate/open-for-photos.ts";
import type { StatusLine } from "../terminal/status-line.ts";

/** Validation photos as the model's input, with their numbers among the verdicts. */
export interface LivePhotos {
  readonly numbers: readonly number[];
  readonly inputs: readonly Float32Array[];
  readonly labels: readonly string[];
}

/** @throws EddiError as `openForPhotos` where there are none */
export async function livePhotos(
  folder: string,
  data: DataSource,
  count: number,
  random: Random,
  status: StatusLine,
): Promise<LivePhotos> {
  const { segments, load } = await openForPhotos(folder, { backend: "wasm", data }, status);
  // Those that the verdicts are of.
  const { reportedOn: photos } = halves(await load("validation"));
  const { input, labels } = segments.model.metadata;
  const numbers = [...shuffled(photos.count, random).slice(0, count)];
  const inputs = numbers.map((number) => {
    const tensor = inputBatch(photos, number, 1, input);
    const values = Float32Array.from(tensor.dataSync());
    tensor.dispose();
    return values;
  });
  return { numbers, inputs, labels: numbers.map((number) => labels[photos.labels[number]!]!) };
}
