import type { CodecName } from "#shared/codecs";

/**
 * The codecs of tensors that any server of the Open Inference Protocol takes, and what is added to a tail's name for them:
 * a tail has one model for each. UINT8 is read over the tensor's range in the metadata, since nothing is told beside it.
 */
export const PLAIN_SUFFIXES = { float32: "", uint8: "~uint8" } as const;

export type PlainCodecName = keyof typeof PLAIN_SUFFIXES;
/** The smallest last. */
export const PLAIN_CODECS = Object.keys(PLAIN_SUFFIXES) as readonly PlainCodecName[];

/** What a server has of a model that is no service of ours: single tails, each as a model of its own. */
export interface Catalogue {
  /** By exit, by the one tensor that its tail begins with: the codecs that the server takes it in. */
  readonly tails: Readonly<Record<string, Readonly<Record<string, readonly PlainCodecName[]>>>>;
  /** Whether tensors travel as bytes behind the JSON (Triton's extension); else as numbers in it. */
  readonly isBinary: boolean;
}

/** Neither ids nor the names of TensorFlow's nodes have these. */
export const NAME_SIGNS = { betweenParts: "~", betweenTensors: "+", forSlash: ":" } as const;

/** The name of a tail as a model of its own: `MODEL~EXIT~CUT`, where CUT names the tensors with `:` for a slash. */
export function virtualName(modelId: string, exit: string, cut: readonly string[]): string {
  const { betweenParts, betweenTensors, forSlash } = NAME_SIGNS;
  const tensors = cut.map((name) => name.replaceAll("/", forSlash)).join(betweenTensors);
  return [modelId, exit, tensors].join(betweenParts);
}

/** The same on a server that is no service of ours, for tensors that come so. */
export function plainName(
  modelId: string,
  exit: string,
  cut: readonly string[],
  codec: PlainCodecName,
): string {
  return `${virtualName(modelId, exit, cut)}${PLAIN_SUFFIXES[codec]}`;
}

/** The codecs that the server takes a cut in; none where it has no such tail, or nothing is known of it. */
export function servedCodecs(
  catalogue: Catalogue | null,
  exit: string,
  cut: readonly string[],
): readonly PlainCodecName[] {
  const [name, ...others] = cut;
  if (name === undefined || others.length > 0) return [];
  return catalogue?.tails[exit]?.[name] ?? [];
}

/** The codec that a tensor travels in: as was asked where the server takes that, else the smallest that it does. */
export function servedAs(
  served: readonly PlainCodecName[],
  { codec }: { readonly codec: CodecName },
): PlainCodecName | undefined {
  return served.find((one) => one === codec) ?? served.at(-1);
}
