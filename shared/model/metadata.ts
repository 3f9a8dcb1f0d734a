import { EddiError } from "#shared/errors";
import { type CodecCost, checkCodecCosts } from "./codecs.ts";
import { checkFitted, type FittedTensor } from "./fitted.ts";
import { exitWidth, hasClasses, OUTPUT_KINDS, type OutputKind, outputKind } from "./output.ts";

/** Our part of a model.json: `userDefinedMetadata.eddi`. */
export interface ModelMetadata {
  /** Version of this layout. */
  readonly format: 1;
  /** Model id, the folder's name under models/: lower case letters, digits, `-`. */
  readonly id: string;
  readonly input: ModelInput;
  /**
   * Names of the scores, in their order: of classes, of labels, of whatever the numbers are. For a single score of the
   * kind `sigmoid` they may be two: what it means when it is 0, and when it is 1.
   */
  readonly labels: readonly string[];
  /** Earliest first; the last one is the full model. */
  readonly exits: readonly Exit[];
  /**
   * Ways to let sure exits answer early, none dominated by another where they were chosen; absent until `lab calibrate`
   * found them.
   */
  readonly policies?: readonly ExitPolicy[];
  /** What every node that may be cut produces, by node name; the input included. */
  readonly tensors: Readonly<Record<string, TensorInfo>>;
  /** By tensor: what it costs to send it, by codec; absent until `lab evaluate --codecs --write` has measured it. */
  readonly codecs?: Readonly<Record<string, readonly CodecCost[]>>;
  /** By tensor: the codec that was fitted to it; absent until `lab fit-codec` wrote one. */
  readonly fitted?: Readonly<Record<string, FittedTensor>>;
  /** Size and hash of every weight shard, by its path in the weights manifest. */
  readonly shards: Readonly<Record<string, ShardInfo>>;
}

export interface ModelInput {
  /** Name of the placeholder: float32 [1, height, width, channels]. */
  readonly node: string;
  readonly height: number;
  readonly width: number;
  /** 3 is RGB, as where it is absent; 1 is grey, see `luma`. */
  readonly channels?: 1 | 3;
  /** Float value of pixel 0 and of pixel 255; linear between them. */
  readonly range: readonly [number, number];
}

export interface Exit {
  readonly id: string;
  /** The node whose output is this exit's scores: float32 [1, labels]. */
  readonly node: string;
  /** What the scores are; `softmax`, class probabilities, where absent. */
  readonly output?: OutputKind;
  /**
   * Top-1, 0..1, on the half of the validation photos that no choice has seen; null until `lab evaluate --write` has
   * measured it.
   */
  readonly accuracy: number | null;
  /** The same on the other half, which policies and codecs are chosen on. */
  readonly chosen?: number;
  /**
   * Of the temperature scaling that makes its largest probability its chance to be right: softmax(ln p / T).
   * Fitted on photos held back from training; 1 where absent.
   */
  readonly temperature?: number;
  /**
   * Share of photos on which its top class is the last exit's, 0..1: of exits that were trained without labels, by
   * `lab add-exits`.
   */
  readonly agreement?: number;
  /** The same on pictures of other kinds than it learnt from, the least over several sets, 0..1. */
  readonly outside?: number;
  /**
   * Top-1 where weights and activations are int8, on the same photos as `accuracy`; absent until
   * `lab evaluate --precision int8 --write` has measured it.
   */
  readonly int8?: number;
  /** The same on the photos of `chosen`: by what is lost there a service chooses int8 of itself. */
  readonly int8Chosen?: number;
}

/** Exits that answer at once when they are sure, before one that always answers. */
export interface ExitPolicy {
  /** The exit that answers when no earlier one did. */
  readonly exit: string;
  /** In the order in which they are asked: earliest first. */
  readonly early: readonly EarlyExit[];
  /** By early exit: share of all images that go on past it, 0..1, never rising. */
  readonly reach: readonly number[];
  /** Top-1 of the whole, 0..1, on the same photos as the exits' accuracies, as are all figures here but `chosen`. */
  readonly accuracy: number;
  /** The same on the photos that the policy was chosen on. */
  readonly chosen?: number;
  /** By early exit: top-1 of the images that it answers, 0..1. */
  readonly answered?: readonly number[];
  /** By exit: top-1 of the images that no early exit answers, 0..1; the policy's own exit among them. */
  readonly rest?: Readonly<Record<string, number>>;
}

/** An exit that answers when its calibrated confidence is at least the threshold. */
export interface EarlyExit {
  readonly exit: string;
  /** 0..1 */
  readonly threshold: number;
}

export interface TensorInfo {
  /** Without the batch axis. */
  readonly shape: readonly number[];
  readonly dtype: "float32";
  /** Calibrated range of values, for the uint8 codec: value = lo + q * (hi - lo) / 255. */
  readonly range: readonly [number, number];
}

export interface ShardInfo {
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/**
 * Checks what stands under `userDefinedMetadata.eddi`.
 *
 * @throws EddiError `bad-metadata`, naming the field, what was expected and what came
 */
export function readMetadata(value: unknown): ModelMetadata {
  const root = record(value, "userDefinedMetadata.eddi");
  expect(root.format === 1, "format", "1", root.format);
  expect(isId(root.id), "id", "lower case letters, digits and -", root.id);
  const input = record(root.input, "input");
  expect(isName(input.node), "input.node", "a node name", input.node);
  for (const side of ["height", "width"] as const) {
    expect(isCount(input[side]), `input.${side}`, "a positive integer", input[side]);
  }
  const { channels } = input;
  const isKnown = channels === undefined || channels === 1 || channels === 3;
  expect(isKnown, "input.channels", "1 for grey or 3 for RGB", channels);
  expect(isRange(input.range), "input.range", "two finite numbers, rising", input.range);
  const labels = array(root.labels, "labels");
  for (const [i, label] of labels.entries()) expect(isName(label), `labels[${i}]`, "a name", label);
  const exits = array(root.exits, "exits");
  exits.forEach((value, i) => {
    const exit = record(value, `exits[${i}]`);
    expect(isId(exit.id), `exits[${i}].id`, "lower case letters, digits and -", exit.id);
    expect(isName(exit.node), `exits[${i}].node`, "a node name", exit.node);
    expect(
      exit.accuracy === null || isShare(exit.accuracy),
      `exits[${i}].accuracy`,
      "null or 0..1",
      exit.accuracy,
    );
    const { temperature } = exit;
    const isHot = temperature === undefined || (Number.isFinite(temperature) && (temperature as number) > 0);
    expect(isHot, `exits[${i}].temperature`, "a positive number", temperature);
    for (const name of ["chosen", "agreement", "outside", "int8", "int8Chosen"] as const) {
      const share = exit[name];
      expect(share === undefined || isShare(share), `exits[${i}].${name}`, "0..1", share);
    }
  });
  const ids = exits.map((exit) => (exit as Exit).id);
  expect(new Set(ids).size === ids.length, "exits", "distinct ids", ids);
  checkOutputs(root as unknown as ModelMetadata);
  if (root.policies !== undefined) checkPolicies(array(root.policies, "policies"), ids);
  for (const [name, value] of Object.entries(record(root.tensors, "tensors"))) {
    const tensor = record(value, `tensors.${name}`);
    expect(tensor.dtype === "float32", `tensors.${name}.dtype`, "float32", tensor.dtype);
    expect(isRange(tensor.range), `tensors.${name}.range`, "two finite numbers, rising", tensor.range);
    const shape = array(tensor.shape, `tensors.${name}.shape`);
    expect(shape.every(isCount), `tensors.${name}.shape`, "positive integers", tensor.shape);
  }
  if (root.codecs !== undefined) {
    checkCodecCosts(root.codecs, root as unknown as ModelMetadata, ids, expect);
  }
  for (const [path, value] of Object.entries(record(root.shards, "shards"))) {
    const shard = record(value, `shards.${path}`);
    expect(isCount(shard.bytes), `shards.${path}.bytes`, "a positive integer", shard.bytes);
    const hash = shard.sha256;
    const isHash = typeof hash === "string" && /^[0-9a-f]{64}$/.test(hash);
    expect(isHash, `shards.${path}.sha256`, "64 hexadecimal digits", hash);
  }
  if (root.fitted !== undefined) checkFitted(root.fitted, root as unknown as ModelMetadata, ids, expect);
  return root as unknown as ModelMetadata;
}

/** Exits say the same kind of thing, about the same labels. */
function checkOutputs(metadata: ModelMetadata): void {
  const { exits, labels, tensors } = metadata;
  const kinds = OUTPUT_KINDS.join(", ");
  const family = (exit: Exit): string => (hasClasses(exit) ? "classes" : outputKind(exit));
  exits.forEach((exit, i) => {
    expect(OUTPUT_KINDS.includes(outputKind(exit)), `exits[${i}].output`, `one of ${kinds}`, exit.output);
    const [first] = exits as [Exit];
    expect(
      family(exit) === family(first),
      `exits[${i}].output`,
      `${family(first)} as at the first exit`,
      exit.output,
    );
    if (exit.output === undefined || tensors?.[exit.node] === undefined) return;
    const width = exitWidth(metadata, exit);
    const isChoice = outputKind(exit) === "sigmoid" && width === 1 && labels.length === 2;
    expect(
      width === labels.length || isChoice,
      `exits[${i}].node`,
      `${labels.length} scores, one for each label`,
      width,
    );
  });
}

/** @param ids of the exits, earliest first */
function checkPolicies(policies: readonly unknown[], ids: readonly string[]): void {
  for (const [i, value] of policies.entries()) {
    const field = `policies[${i}]`;
    const policy = record(value, field);
    const final = ids.indexOf(policy.exit as string);
    expect(final >= 0, `${field}.exit`, `one of ${ids.join(", ")}`, policy.exit);
    let before = -1;
    const early = array(policy.early, `${field}.early`);
    for (const [k, value] of early.entries()) {
      const { exit, threshold } = record(value, `${field}.early[${k}]`);
      const at = ids.indexOf(exit as string);
      const expected = `an exit before ${policy.exit}, after those asked before`;
      expect(at > before && at < final, `${field}.early[${k}].exit`, expected, exit);
      expect(isShare(threshold), `${field}.early[${k}].threshold`, "0..1", threshold);
      before = at;
    }
    const reach = array(policy.reach, `${field}.reach`);
    expect(
      reach.length === early.length,
      `${field}.reach`,
      `${early.length} shares, one for each early exit`,
      reach,
    );
    for (const [k, share] of reach.entries()) {
      const most = k === 0 ? 1 : reach[k - 1];
      expect(
        isShare(share) && (share as number) <= (most as number),
        `${field}.reach[${k}]`,
        `0..${most}`,
        share,
      );
    }
    expect(isShare(policy.accuracy), `${field}.accuracy`, "0..1", policy.accuracy);
    const { chosen } = policy;
    expect(chosen === undefined || isShare(chosen), `${field}.chosen`, "0..1", chosen);
    if (policy.answered !== undefined) {
      const answered = array(policy.answered, `${field}.answered`);
      const isRight = answered.length === early.length && answered.every(isShare);
      const expected = `${early.length} shares of 0..1, one for each early exit`;
      expect(isRight, `${field}.answered`, expected, answered);
    }
    if (policy.rest !== undefined) {
      const rest = record(policy.rest, `${field}.rest`);
      for (const [exit, share] of Object.entries(rest)) {
        expect(ids.includes(exit), `${field}.rest`, `exits among ${ids.join(", ")}`, exit);
        expect(isShare(share), `${field}.rest.${exit}`, "0..1", share);
      }
      expect(rest[policy.exit as string] !== undefined, `${field}.rest`, `a share for ${policy.exit}`, rest);
    }
  }
}

function record(value: unknown, field: string): Record<string, unknown> {
  expect(typeof value === "object" && value !== null && !Array.isArray(value), field, "an object", value);
  return value as Record<string, unknown>;
}

function array(value: unknown, field: string): readonly unknown[] {
  expect(Array.isArray(value) && value.length > 0, field, "a non-empty array", value);
  return value as readonly unknown[];
}

const isName = (value: unknown): boolean => typeof value === "string" && value.length > 0;
const isId = (value: unknown): boolean => typeof value === "string" && /^[a-z0-9][a-z0-9-]*$/.test(value);
const isShare = (value: unknown): boolean => typeof value === "number" && value >= 0 && value <= 1;
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;

function isRange(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 2 || !value.every(Number.isFinite)) return false;
  return (value[0] as number) < (value[1] as number);
}

function expect(holds: boolean, field: string, expected: string, came: unknown): void {
  if (holds) return;
  const shown = (JSON.stringify(came) ?? "nothing").slice(0, 80);
  throw new EddiError("bad-metadata", `model metadata, ${field}: expected ${expected}, got ${shown}`);
}
