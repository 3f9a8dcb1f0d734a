import { isFittedCodec, isImageCodec, TENSOR_CODECS } from "#shared/codecs";
import { EddiError } from "#shared/errors";
import { codecWords, USUAL_CODEC, type WireCodec } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import type { Photos } from "../data/photos.ts";
import { codedScores } from "../evaluate/coded-scores.ts";
import { evaluateExits } from "../evaluate/evaluate-exits.ts";
import type { FolderCoders } from "../files/model-folder.ts";
import { calibrationErrors, exitTable } from "./exit-table.ts";
import { printJson } from "./shared-options.ts";

/** What `lab evaluate --cut` was asked for. */
export interface CutRequest {
  readonly cut: string | undefined;
  readonly codec: WireCodec | undefined;
  readonly json: boolean;
}

/**
 * The exits behind one tensor, when it travels under a codec.
 *
 * @throws EddiError `bad-argument` without a cut, or for a codec of images where the cut is none
 */
export async function evaluateCut(
  segments: SegmentModel,
  photos: Photos,
  coders: FolderCoders,
  { cut, codec = USUAL_CODEC, json }: CutRequest,
): Promise<void> {
  const { model } = segments;
  if (cut === undefined)
    throw new EddiError("bad-argument", "--codec: expected --cut NODE beside it, got none");
  if (isImageCodec(codec.codec) && cut !== model.metadata.input.node) {
    const expected = `expected one of ${TENSOR_CODECS.join(", ")} for ${cut}`;
    throw new EddiError("bad-argument", `--codec: ${expected}, got ${codecWords(codec)}`);
  }
  if (isFittedCodec(codec.codec) && codec.quality === undefined) {
    const rates = `expected a rate, as ${codec.codec}:1`;
    throw new EddiError("bad-argument", `--codec: ${rates}, got ${codecWords(codec)}`);
  }
  if (isFittedCodec(codec.codec) && coders.get(cut)?.[codec.quality! - 1] === undefined) {
    const known = [...coders].map(([name, rates]) => `${name} (${rates.length} rates)`).join(", ") || "none";
    const came = `${codecWords(codec)} of ${cut}`;
    throw new EddiError("bad-argument", `--codec: expected a codec that was fitted, ${known}, got ${came}`);
  }
  const { exits, scores, bytes, spread } = await codedScores(segments, photos, cut, codec, coders);
  const results = evaluateExits(exits, scores);
  const errors = calibrationErrors(exits, scores);
  if (json) {
    const measured = results.map((one, at) => ({ ...one, calibrationError: errors[at] }));
    printJson({
      model: model.metadata.id,
      version: model.version,
      cut,
      codec,
      bytes,
      spread,
      exits: measured,
    });
  } else {
    const size = `${bytes} bytes a photo, standard deviation ${spread}`;
    process.stdout.write(`${exitTable(results, errors)}\ncut at ${cut}, ${codecWords(codec)}: ${size}\n`);
  }
}
