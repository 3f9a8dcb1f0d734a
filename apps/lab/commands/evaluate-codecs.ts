import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { readMetadata } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import { thinned } from "../data/held-back.ts";
import type { Photos } from "../data/photos.ts";
import { chooseQualities } from "../evaluate/choose-quality.ts";
import { measureCodecs } from "../evaluate/codec-costs.ts";
import { CODECS_SECTION, codecsSection } from "../evaluate/codec-section.ts";
import { withMeasured } from "../evaluate/with-measured.ts";
import { withSection } from "../files/card-section.ts";
import { type FolderCoders, rewriteMetadata } from "../files/model-folder.ts";
import { bar, type StatusLine } from "../terminal/status-line.ts";
import { printJson } from "./shared-options.ts";

/** What `lab evaluate --codecs` was asked for. */
export interface CodecsRequest {
  readonly folder: string;
  readonly segments: SegmentModel;
  readonly coders: FolderCoders;
  readonly backend: string;
  readonly validation: Photos;
  /** At most so many photos, evenly spread. */
  readonly count: number;
  readonly write: boolean;
  readonly json: boolean;
}

/** Measures what each tensor costs on the wire, and prints the card's section, or JSON with every quality tried. */
export async function evaluateCodecs(request: CodecsRequest, status: StatusLine): Promise<void> {
  const { folder, segments, coders, backend, validation, count, write, json } = request;
  const photos = thinned(validation, count);
  const { model } = segments;
  const startMs = performance.now();
  const all = await measureCodecs(segments, photos, coders, (share) =>
    status.update(`${bar(share)} codecs of ${model.metadata.id}: ${Math.round(100 * share)} %`),
  );
  status.note(`${photos.count} photos in ${Math.round((performance.now() - startMs) / 1000)} s`);
  const codecs = chooseQualities(all);
  const section = codecsSection(model, codecs, photos.count);
  if (json) {
    const of = { model: model.metadata.id, version: model.version, backend, photos: photos.count };
    printJson({ ...of, codecs: all });
  } else process.stdout.write(`${section}\n`);
  if (!write) return;
  await rewriteMetadata(folder, (metadata) => readMetadata(withMeasured(metadata, codecs)));
  const card = path.join(folder, "card.md");
  await writeFile(`${card}.part`, withSection(await readFile(card, "utf8"), CODECS_SECTION, section));
  await rename(`${card}.part`, card);
}
