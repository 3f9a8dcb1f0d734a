import { IMAGE_CODECS, TENSOR_CODECS } from "#shared/codecs";
import { EddiError } from "#shared/errors";
import { parseCodec, type WireCodec } from "#shared/model";
import type { AnswerOptions, AskOptions, ImageSource, Timing } from "../../talk/edge.ts";
import { BUDGET_MS, CODEC_TEXTS } from "./settings.ts";

/** Checks what scripts hand in: whatever is wrong with it is told to them, and nothing is begun. */

/** Of one answer: an edge worker that is silent for longer than the most is taken for hung. */
const ANSWER_BUDGET_MS = { least: 1, most: 100_000 } as const;
const OPTIONS: readonly string[] = ["budgetMs", "plan", "codec", "onProvisional", "signal"];
const PARTS: readonly string[] = ["whole", "inside", "move", "code", "deflate", "image"];

/** @throws EddiError `bad-argument` for what is no picture, `bad-image` for one that was closed or handed on */
export function checkImage(image: unknown): ImageSource {
  if (image instanceof Blob || image instanceof Float32Array) return image;
  if (image instanceof ImageBitmap || image instanceof ImageData) {
    const isGone = image instanceof ImageData ? image.data.length === 0 : image.width * image.height === 0;
    if (!isGone) return image;
    throw new EddiError(
      "bad-image",
      "image: expected pixels, got none: was it closed, or transferred before?",
    );
  }
  throw bad("image", "a Blob, ImageBitmap, ImageData or the input's values as a Float32Array", image);
}

/** @throws EddiError `bad-argument`, naming the option */
export function checkOptions(given: unknown): {
  readonly options: AskOptions;
  readonly signal: AbortSignal | undefined;
} {
  const { budgetMs, plan, codec, onProvisional, signal, ...others } = record("options", given ?? {});
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw new EddiError("bad-argument", `options: expected ${OPTIONS}, got ${unknown}`);
  return {
    options: {
      ...(budgetMs === undefined ? {} : { budgetMs: checkAnswerBudget(budgetMs) }),
      ...(plan === undefined ? {} : { plan: checkPlan(plan) }),
      ...(codec === undefined ? {} : { codec: checkCodec(codec) }),
      ...(onProvisional === undefined ? {} : { onProvisional: checkListener(onProvisional) }),
    },
    signal: signal === undefined ? undefined : checkSignal(signal),
  };
}

/** The slider's, in milliseconds. */
export function checkBudget(budgetMs: unknown): number {
  return number("budgetMs", budgetMs, BUDGET_MS.least, BUDGET_MS.most);
}

export function checkLoad(framesPerSecond: unknown): number | null {
  if (framesPerSecond === null) return null;
  const isRate = typeof framesPerSecond === "number" && framesPerSecond > 0 && framesPerSecond < Infinity;
  if (isRate) return framesPerSecond;
  throw bad("framesPerSecond", "above 0 or null", framesPerSecond);
}

export function checkMinAccuracy(minAccuracy: unknown): number | null {
  if (minAccuracy === null) return null;
  const isShare = typeof minAccuracy === "number" && minAccuracy >= 0 && minAccuracy <= 1;
  if (isShare) return minAccuracy;
  throw bad("minAccuracy", "0 to 1 or null", minAccuracy);
}

/** What is in its segment is checked where the model is known. */
export function checkTiming(what: unknown): Timing {
  const { part, runs, segment, elements, bytes, size, codec } = record("what", what);
  if (!isOneOf(PARTS, part)) throw bad("what.part", `one of ${PARTS.join(", ")}`, part);
  integer("what.runs", runs, 1e6);
  if (part === "whole" || part === "inside") checkSegment(segment);
  if (part === "code" && !isOneOf(TENSOR_CODECS, codec))
    throw bad("what.codec", `one of ${TENSOR_CODECS}`, codec);
  if (part === "image" && !isOneOf(IMAGE_CODECS, codec))
    throw bad("what.codec", `one of ${IMAGE_CODECS}`, codec);
  if (part === "move" || part === "code") integer("what.elements", elements, 1e8);
  if (part === "deflate") integer("what.bytes", bytes, 1e8);
  if (part === "image") {
    const { height, width, channels } = record("what.size", size);
    integer("what.size.height", height, 10_000);
    integer("what.size.width", width, 10_000);
    integer("what.size.channels", channels, 3);
  }
  return what as Timing;
}

function checkAnswerBudget(budgetMs: unknown): number {
  return number("budgetMs", budgetMs, ANSWER_BUDGET_MS.least, ANSWER_BUDGET_MS.most);
}

function checkListener(onProvisional: unknown): NonNullable<AskOptions["onProvisional"]> {
  if (typeof onProvisional !== "function") throw bad("onProvisional", "a function", onProvisional);
  return onProvisional as NonNullable<AskOptions["onProvisional"]>;
}

/** Whether it is a plan of the model is for the edge to say. */
function checkPlan(given: unknown): NonNullable<AnswerOptions["plan"]> {
  const { exit, head, early, codecs, insurance } = record("plan", given);
  if (typeof exit !== "string") throw bad("plan.exit", "an exit's id", exit);
  strings("plan.head", head);
  if (codecs !== undefined) record("plan.codecs", codecs);
  if (insurance !== undefined) {
    const { exit: id } = record("plan.insurance", insurance);
    if (typeof id !== "string") throw bad("plan.insurance.exit", "an exit's id", id);
  }
  if (early !== undefined) {
    if (!Array.isArray(early)) throw bad("plan.early", "a list of exits and thresholds", early);
    for (const [at, one] of early.entries()) {
      const { exit: id, threshold } = record(`plan.early[${at}]`, one);
      if (typeof id !== "string") throw bad(`plan.early[${at}].exit`, "an exit's id", id);
      if (typeof threshold !== "number") throw bad(`plan.early[${at}].threshold`, "0 to 1", threshold);
    }
  }
  return given as NonNullable<AnswerOptions["plan"]>;
}

function checkCodec(text: unknown): WireCodec {
  const codec = typeof text === "string" ? parseCodec(text) : null;
  if (codec !== null) return codec;
  throw bad("codec", CODEC_TEXTS, text);
}

function checkSignal(signal: unknown): AbortSignal {
  if (signal instanceof AbortSignal) return signal;
  throw bad("signal", "an AbortSignal", signal);
}

function checkSegment(segment: unknown): void {
  const { nodes, feeds, outputs } = record("what.segment", segment);
  strings("what.segment.nodes", nodes);
  strings("what.segment.feeds", feeds);
  strings("what.segment.outputs", outputs);
}

function isOneOf(values: readonly string[], value: unknown): boolean {
  return values.some((one) => one === value);
}

function record(name: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw bad(name, "an object", value);
}

function strings(name: string, value: unknown): void {
  if (!Array.isArray(value) || value.some((one) => typeof one !== "string")) throw bad(name, "names", value);
}

function number(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === "number" && value >= least && value <= most) return value;
  throw bad(name, `${least} to ${most}`, value);
}

function integer(name: string, value: unknown, most: number): void {
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > most) {
    throw bad(name, `a whole number from 1 to ${most}`, value);
  }
}

function bad(name: string, expected: string, came: unknown): EddiError {
  return new EddiError("bad-argument", `${name}: expected ${expected}, got ${shown(came).slice(0, 80)}`);
}

/** Text that could be taken for something else is quoted. */
function shown(came: unknown): string {
  if (typeof came === "string") return /^[a-z]/i.test(came) ? came : JSON.stringify(came);
  if (typeof came !== "object" || came === null) return String(came);
  return came.constructor?.name ?? "an object";
}
