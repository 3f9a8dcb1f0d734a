import { CODECS, IMAGE_CODECS, TENSOR_CODECS } from "#shared/codecs";
import { EddiError } from "#shared/errors";
import { parseCodec, type SimulatedConditions, type WireCodec } from "#shared/model";
import type { AnswerOptions, ImageSource, OpenedPicture, Provisional, Timing } from "../talk/edge.ts";
import { isHandedOn, sizeShown } from "../talk/handed-on.ts";
import {
  bad,
  checkFunction,
  checkInteger,
  checkNames,
  checkNothing,
  checkNumber,
  checkOneOf,
  checkRecord,
} from "./check.ts";

/** Checks what an app hands in: whatever is wrong with it is told to it, and nothing is begun. */

/** The budget that plans are made for all the time. */
export const BUDGET_MS = { least: 5, usual: 300, most: 10_000 } as const;
/** Of one answer: an edge worker that is silent for longer than the most is taken for hung. */
const ANSWER_BUDGET_MS = { least: 1, most: 100_000 } as const;
const OPTIONS = [
  "budgetMs",
  "minAccuracy",
  "plan",
  "codec",
  "signal",
  "opened",
  "onPicture",
  "onProvisional",
] as const;
/** What a codec looks like as text. */
export const CODEC_TEXTS = `one of ${CODECS.join(", ")}; with a quality as webp:60, deflated as uint4+deflate`;
const PARTS = ["whole", "inside", "move", "code", "deflate", "image"] as const;

/** @throws EddiError `bad-argument` for what is no picture, `bad-image` for one that was closed or handed on */
export function checkImage(image: unknown): ImageSource {
  if (image instanceof Blob || image instanceof Float32Array) return image;
  if (isHandedOn(image) || image instanceof ImageData) {
    const { width, height } = image instanceof ImageData ? image : sizeShown(image);
    const isGone = width * height === 0 || (image instanceof ImageData && image.data.length === 0);
    if (!isGone) return image;
    throw new EddiError(
      "bad-image",
      "image: expected pixels, got none: was it closed, or transferred before?",
    );
  }
  throw bad(
    "image",
    "a Blob, ImageBitmap, VideoFrame, ImageData or the input's values as a Float32Array",
    image,
  );
}

/** An answer's options as they were checked. */
export interface CheckedOptions {
  readonly options: Partial<AnswerOptions>;
  readonly signal: AbortSignal | undefined;
  readonly onPicture: ((shown: Blob) => void) | undefined;
  readonly onProvisional: ((answer: Provisional) => void) | undefined;
}

/** @throws EddiError `bad-argument`, naming the option */
export function checkOptions(given: unknown): CheckedOptions {
  const record = checkRecord("options", given ?? {});
  const { budgetMs, minAccuracy, plan, codec, signal, opened, onPicture, onProvisional, ...others } = record;
  checkNothing("options", others, OPTIONS);
  if (onPicture !== undefined) checkFunction("onPicture", onPicture);
  if (onProvisional !== undefined) checkFunction("onProvisional", onProvisional);
  return {
    options: {
      ...(budgetMs === undefined ? {} : { budgetMs: checkAnswerBudget(budgetMs) }),
      ...(minAccuracy === undefined ? {} : { minAccuracy: checkMinAccuracy(minAccuracy) }),
      ...(plan === undefined ? {} : { plan: checkPlan(plan) }),
      ...(codec === undefined ? {} : { codec: checkCodec(codec) }),
      ...(opened === undefined ? {} : { opened: checkOpened(opened) }),
    },
    signal: signal === undefined ? undefined : checkSignal(signal),
    onPicture: onPicture as CheckedOptions["onPicture"],
    onProvisional: onProvisional as CheckedOptions["onProvisional"],
  };
}

/** Of all that follows, in milliseconds. */
export function checkBudget(budgetMs: unknown): number {
  return checkNumber("budgetMs", budgetMs, BUDGET_MS.least, BUDGET_MS.most);
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

export function checkSimulated(conditions: unknown): SimulatedConditions | null {
  if (conditions === null) return null;
  const { rttMs, uplinkBps, queueMs, slowdown, ...others } = checkRecord("conditions", conditions);
  checkNothing("conditions", others, ["rttMs", "uplinkBps", "queueMs", "slowdown"]);
  return {
    rttMs: checkNumber("conditions.rttMs", rttMs, 0, 10_000),
    uplinkBps: checkNumber("conditions.uplinkBps", uplinkBps, 1e3, 1e12),
    queueMs: checkNumber("conditions.queueMs", queueMs, 0, 60_000),
    slowdown: checkNumber("conditions.slowdown", slowdown, 1, 1000),
  };
}

/** What is in its segment is checked where the model is known. */
export function checkTiming(what: unknown): Timing {
  const { part, runs, segment, elements, bytes, size, codec } = checkRecord("what", what);
  checkOneOf("what.part", PARTS, part);
  checkInteger("what.runs", runs, 1e6);
  if (part === "whole" || part === "inside") checkSegment(segment);
  if (part === "code") checkOneOf("what.codec", TENSOR_CODECS, codec);
  if (part === "image") checkOneOf("what.codec", IMAGE_CODECS, codec);
  if (part === "move" || part === "code") checkInteger("what.elements", elements, 1e8);
  if (part === "deflate") checkInteger("what.bytes", bytes, 1e8);
  if (part === "image") {
    const { height, width, channels } = checkRecord("what.size", size);
    checkInteger("what.size.height", height, 10_000);
    checkInteger("what.size.width", width, 10_000);
    checkInteger("what.size.channels", channels, 3);
  }
  return what as Timing;
}

function checkAnswerBudget(budgetMs: unknown): number {
  return checkNumber("budgetMs", budgetMs, ANSWER_BUDGET_MS.least, ANSWER_BUDGET_MS.most);
}

/** Whether it is a plan of the model is for the edge to say. */
function checkPlan(given: unknown): NonNullable<AnswerOptions["plan"]> {
  const { exit, head, early, codecs, insurance } = checkRecord("plan", given);
  if (typeof exit !== "string") throw bad("plan.exit", "an exit's id", exit);
  checkNames("plan.head", head);
  if (codecs !== undefined) checkRecord("plan.codecs", codecs);
  if (insurance !== undefined) {
    const { exit: id } = checkRecord("plan.insurance", insurance);
    if (typeof id !== "string") throw bad("plan.insurance.exit", "an exit's id", id);
  }
  if (early !== undefined) {
    if (!Array.isArray(early)) throw bad("plan.early", "a list of exits and thresholds", early);
    for (const [at, one] of early.entries()) {
      const { exit: id, threshold } = checkRecord(`plan.early[${at}]`, one);
      if (typeof id !== "string") throw bad(`plan.early[${at}].exit`, "an exit's id", id);
      if (typeof threshold !== "number") throw bad(`plan.early[${at}].threshold`, "0 to 1", threshold);
    }
  }
  return given as NonNullable<AnswerOptions["plan"]>;
}

export function checkCodec(text: unknown): WireCodec {
  const codec = typeof text === "string" ? parseCodec(text) : null;
  if (codec !== null) return codec;
  throw bad("codec", CODEC_TEXTS, text);
}

function checkOpened(given: unknown): OpenedPicture {
  const { ms, isIncomplete } = checkRecord("opened", given);
  if (typeof isIncomplete !== "boolean") throw bad("opened.isIncomplete", "true or false", isIncomplete);
  return { ms: checkNumber("opened.ms", ms, 0, 1e6), isIncomplete };
}

function checkSignal(signal: unknown): AbortSignal {
  if (signal instanceof AbortSignal) return signal;
  throw bad("signal", "an AbortSignal", signal);
}

function checkSegment(segment: unknown): void {
  const { nodes, feeds, outputs } = checkRecord("what.segment", segment);
  checkNames("what.segment.nodes", nodes);
  checkNames("what.segment.feeds", feeds);
  checkNames("what.segment.outputs", outputs);
}
