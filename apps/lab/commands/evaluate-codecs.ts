import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import { readMetadata } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import { thinned } from "../data/held-back.ts";
import type { Photos } from "../data/photos.ts";
import { chooseQualities } from "../evaluate/choose-quality.ts";
import { measureCodecs } from "../evaluate/codec-costs.ts";
import { CODECS_SECTION, codecsSection } from "../evaluate/codec-section.ts";
import { withSection } from "../files/card-section.ts";
import { rewriteMetadata } from "../files/model-folder.ts";
import { bar, type StatusLine } from "../terminal/status-line.ts";

/** What `lab evaluate --codecs` was asked for. */
export interface CodecsRequest {
  readonly folder: string;
  readonly segments: SegmentModel;
  readonly backend: string;
  readonly validation: Photos;
  /** How many photos, as the option has it. */
  readonly photos: string;
  readonly write: boolean;
  readonly json: boolean;
}

/**
 * Measures what each tensor costs on the wire, and prints the card's section, or JSON with every quality tried.
 *
 * @throws EddiError `bad-argument` for a number of photos that is none
 */
export async function evaluateCodecs(request: CodecsRequest, status: StatusLine): Promise<void> {
  const { folder, segments, backend, validation, write, json } = request;
  const wanted = Number(request.photos);
  if (!Number.isInteger(wanted) || wanted < 1) {
    throw new EddiError(
      "bad-argument",
      `--photos: expected a whole number of 1 or more, got ${request.photos}`,
    );
  }
  const photos = thinned(validation, wanted);
  const { model } = segments;
  const startMs = performance.now();
  const all = await measureCodecs(segments, photos, (share) =>
    status.update(`${bar(share)} codecs of ${model.metadata.id}: ${Math.round(100 * share)} %`),
  );
  status.note(`${photos.count} photos in ${Math.round((performance.now() - startMs) / 1000)} s`);
  const codecs = chooseQualities(all);
  const section = codecsSection(model, codecs, photos.count);
  if (json) {
    const of = { model: model.metadata.id, version: model.version, backend, photos: photos.count };
    process.stdout.write(`${JSON.stringify({ ...of, codecs: all }, null, 1)}\n`);
  } else process.stdout.write(`${section}\n`);
  if (!write) return;
  await rewriteMetadata(folder, (metadata) => readMetadata({ ...metadata, codecs }));
  const card = path.join(folder, "card.md");
  await writeFile(`${card}.part`, withSection(await readFile(card, "utf8"), CODECS_SECTION, section));
  await rename(`${card}.part`, card);
}
