import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Detour, Model } from "#shared/model";
import { detourWork } from "#shared/profile";
import type { SegmentModel } from "#shared/runtime";
import type { Halves } from "../data/halves.ts";
import type { Photos } from "../data/photos.ts";
import { CODEC_CURVES, codecCurves } from "../draw/codec-curves.ts";
import { besideReported, measureFitted } from "../evaluate/codec-costs.ts";
import { CHEAPER_SECTION, type CodecPhotos, cheaperSection } from "../evaluate/codec-section.ts";
import type { CodecWay } from "../evaluate/codec-way.ts";
import { withSection } from "../files/card-section.ts";
import { readModelFolder } from "../files/model-folder.ts";
import { renewVerdicts } from "../simulate/verdicts/record-verdicts.ts";
import type { FittedLinear } from "./fit-codec.ts";
import { codecTitle, curveFile, fittedCurve, fittedSection, type NetsWork } from "./fitted-section.ts";
import { type CodecNetsPart, packCodec, type StoredCodec, storeCodec } from "./store-codec.ts";

/** A codec that is ready to be stored. */
export interface ReadyCodec {
  readonly folder: string;
  /** With a learned codec's nets. */
  readonly segments: SegmentModel;
  readonly name: string;
  readonly fitted: FittedLinear;
  readonly learned: LearnedPart | null;
}

export interface LearnedPart {
  readonly way: CodecWay;
  readonly nets: CodecNetsPart;
  /** How it was trained, for the card. */
  readonly trained: string;
}

export interface FinishedCodec {
  readonly stored: StoredCodec;
  readonly section: string;
  readonly photos: CodecPhotos;
  /** Whether there were verdicts of the model, which are those of this version now. */
  readonly isRenewed: boolean;
}

/**
 * Measures a codec on validation photos, stores it, and tells of it in the card and its pictures. Neither nodes nor weights of the model
 * change, so that its verdicts stay what they are.
 *
 * @throws EddiError as `storeCodec`
 */
export async function finishCodec(
  { folder, segments, name, fitted, learned }: ReadyCodec,
  { chosenOn, reportedOn }: Halves,
  onProgress: (what: string, share: number) => void,
): Promise<FinishedCodec> {
  const before = await readModelFolder(folder);
  const measuredOn = (photos: Photos, what: string) =>
    measureFitted(segments, photos, name, fitted.coders, learned?.way ?? null, (share) =>
      onProgress(what, share),
    );
  const measured = besideReported(
    { [name]: await measuredOn(chosenOn, "choosing") },
    { [name]: await measuredOn(reportedOn, "reporting") },
  );
  const photos = { chosenOn: chosenOn.count, reportedOn: reportedOn.count };
  const stored = storedOf(packCodec(name, fitted, measured[name]!), learned);
  await storeCodec(folder, name, stored);
  const after = await readModelFolder(folder);
  const isRenewed = await renewVerdicts(folder, before, after);
  const work = learned === null ? null : netsWork(after, after.detours.get(name)!, learned.trained);
  const section = fittedSection(after, name, stored, fitted, photos, work);
  await writeFile(
    path.join(folder, curveFile(stored.fitted)),
    fittedCurve(after, name, stored, fitted.tried),
  );
  await writeFile(path.join(folder, CODEC_CURVES), codecCurves(after)!);
  const card = path.join(folder, "card.md");
  const text = await readFile(card, "utf8").catch(() => `# ${after.metadata.id}\n`);
  const told = withSection(text, codecTitle(name), section);
  await writeFile(`${card}.part`, withSection(told, CHEAPER_SECTION, cheaperSection(after)));
  await rename(`${card}.part`, card);
  return { stored, section, photos, isRenewed };
}

function storedOf(packed: Pick<StoredCodec, "bytes" | "fitted">, learned: LearnedPart | null): StoredCodec {
  if (learned === null) return packed;
  const { encoder, decoder, replaces } = learned.way;
  const through = { latent: encoder.outputs[0]!, decoded: decoder.outputs[0]!, replaces };
  return { ...packed, fitted: { ...packed.fitted, through }, nets: learned.nets };
}

function netsWork(model: Model, { encoder, decoder }: Detour, trained: string): NetsWork {
  const work = detourWork(model);
  const sum = (nodes: readonly string[]): number =>
    nodes.reduce((total, name) => total + work.get(name)!.macs, 0);
  return { encoder: sum(encoder.nodes), decoder: sum(decoder.nodes), trained };
}
