import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { readMetadata } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import { type Halves, halves } from "../data/halves.ts";
import { thinned } from "../data/held-back.ts";
import type { LoadedPhotos } from "../data/pixels.ts";
import { CODEC_CURVES, codecCurves } from "../draw/codec-curves.ts";
import { chooseQualities } from "../evaluate/choose-quality.ts";
import { besideReported, measureCodecs, measureFitted, withReported } from "../evaluate/codec-costs.ts";
import { CHEAPER_SECTION, CODECS_SECTION, cheaperSection, codecsSection } from "../evaluate/codec-section.ts";
import type { MeasuredCost } from "../evaluate/tally.ts";
import { withMeasured } from "../evaluate/with-measured.ts";
import { withSection } from "../files/card-section.ts";
import { type FolderCoders, readModelFolder, rewriteMetadata } from "../files/model-folder.ts";
import { bar, type StatusLine } from "../terminal/status-line.ts";
import { printJson } from "./shared-options.ts";

/** What `lab evaluate --codecs` was asked for. */
export interface CodecsRequest {
  readonly folder: string;
  readonly segments: SegmentModel;
  readonly coders: FolderCoders;
  readonly backend: string;
  readonly validation: LoadedPhotos;
  /** Of each half at most so many photos, evenly spread. */
  readonly count: number;
  readonly write: boolean;
  readonly json: boolean;
}

/** Measures what each tensor costs on the wire, and prints the card's section, or JSON with every quality tried. */
export async function evaluateCodecs(request: CodecsRequest, status: StatusLine): Promise<void> {
  const { folder, segments, coders, backend, validation, count, write, json } = request;
  const parted = halves(validation);
  const [chosenOn, reportedOn] = [thinned(parted.chosenOn, count), thinned(parted.reportedOn, count)];
  const { model } = segments;
  const startMs = performance.now();
  const progress = (what: string) => (share: number) =>
    status.update(`${bar(share)} codecs of ${model.metadata.id}, ${what}: ${Math.round(100 * share)} %`);
  const all = await measureCodecs(segments, chosenOn, progress("choosing"));
  const chosen = chooseQualities(all);
  const usual = await withReported(segments, reportedOn, chosen, progress("reporting"));
  const fitted = await measureAllFitted(segments, coders, parted, progress("fitted"));
  const codecs = Object.fromEntries(
    Object.entries(usual).map(([name, costs]) => [name, [...costs, ...(fitted.get(name) ?? [])]]),
  );
  const photos = { chosenOn: chosenOn.count, reportedOn: reportedOn.count };
  const seconds = Math.round((performance.now() - startMs) / 1000);
  status.note(`${photos.chosenOn} and ${photos.reportedOn} photos in ${seconds} s`);
  const sections = {
    [CODECS_SECTION]: codecsSection(model, usual, photos),
    [CHEAPER_SECTION]: cheaperSection({ ...model, metadata: withMeasured(model.metadata, codecs) }),
  };
  if (json) {
    const of = { model: model.metadata.id, version: model.version, backend, photos };
    printJson({ ...of, tried: all, codecs });
  } else process.stdout.write(`${Object.values(sections).join("\n\n")}\n`);
  if (!write) return;
  await rewriteMetadata(folder, (metadata) => readMetadata(withMeasured(metadata, codecs)));
  const curves = codecCurves(await readModelFolder(folder));
  if (curves !== null) await writeFile(path.join(folder, CODEC_CURVES), curves);
  const card = path.join(folder, "card.md");
  const text = Object.entries(sections).reduce(
    (before, [title, section]) => withSection(before, title, section),
    await readFile(card, "utf8"),
  );
  await writeFile(`${card}.part`, text);
  await rename(`${card}.part`, card);
}

/** By tensor: what the codec that was fitted to it costs. On all photos of both halves, since rates are few. */
async function measureAllFitted(
  segments: SegmentModel,
  coders: FolderCoders,
  { chosenOn, reportedOn }: Halves,
  onProgress: (share: number) => void,
): Promise<ReadonlyMap<string, readonly MeasuredCost[]>> {
  const found = new Map<string, readonly MeasuredCost[]>();
  for (const [name, own] of coders) {
    const way = segments.model.detours.get(name) ?? null;
    const chosen = await measureFitted(segments, chosenOn, name, own, way, onProgress);
    const reported = await measureFitted(segments, reportedOn, name, own, way, onProgress);
    found.set(name, besideReported({ [name]: chosen }, { [name]: reported })[name]!);
  }
  return found;
}
