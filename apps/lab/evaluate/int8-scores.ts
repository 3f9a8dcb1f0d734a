import { EddiError } from "#shared/errors";
import type { Model } from "#shared/model";
import { openEngine } from "../../engines/index.ts";
import type { Photos } from "../data/photos.ts";
import { readShard } from "../files/model-folder.ts";
import { type ExitScores, scoresBy } from "./exit-scores.ts";

/**
 * Runs all exits over all photos as the service does with `--engine onnxruntime --precision int8`.
 *
 * @throws EddiError `unavailable` without ONNX Runtime, or where it does not run the model in int8, saying why;
 *   `bad-argument` for a model whose exits name no classes
 */
export async function int8Scores(folder: string, model: Model, photos: Photos): Promise<ExitScores> {
  const { load } = await openEngine("onnxruntime", "int8");
  const troubles: string[] = [];
  const loaded = load(model, (message) => troubles.push(message));
  for (const shard of model.shards) loaded.addShard(shard, await readShard(folder, shard));
  let isOpen = false;
  try {
    return await scoresBy(model, photos, async (every, images) => {
      const feeds = [{ shape: images.shape, values: (await images.data()) as Float32Array }];
      if (!isOpen) {
        // TF.js answers the first time.
        await loaded.runValues(every, feeds);
        await loaded.opened?.();
        isOpen = true;
      }
      const [trouble] = troubles;
      if (trouble !== undefined) throw new EddiError("unavailable", trouble);
      return (await loaded.runValues(every, feeds)).map(({ values }) => values);
    });
  } finally {
    loaded.dispose();
  }
}
