import { encodeResponse, type Frame, type InferResponse } from "#shared/protocol";
import { classify } from "./classify.ts";

/** An answer that is to be framed. */
export interface Answer {
  readonly head: Omit<InferResponse, "outputs">;
  readonly scores: readonly Scores[];
  readonly labels: readonly string[];
}

/** What one exit says of a batch. */
export interface Scores {
  /** Of the exit. */
  readonly name: string;
  /** [batch, labels], or [batch, 1] of two labels */
  readonly shape: readonly number[];
  readonly values: Float32Array;
  readonly binary: boolean;
  /** As of `RequestedOutput`. */
  readonly classes?: number;
}

/** Frames scores as each was asked for: bytes, numbers, or the best classes as text. */
export function frameAnswer({ head, scores, labels }: Answer): Frame {
  const outputs = scores.map(({ name, shape, values, classes }): InferResponse["outputs"][number] => {
    const isChoice = labels.length === 2 && shape.at(-1) === 1;
    if (classes !== undefined) return classify(name, values, labels, classes, isChoice);
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return { name, datatype: "FP32", shape, data };
  });
  const binary = new Set(scores.filter((one) => one.binary).map(({ name }) => name));
  return encodeResponse({ ...head, outputs }, (name) => binary.has(name));
}

/** Scores that have to be written as text: these take their time, bytes are but copied. */
export function textScores({ scores }: Answer): number {
  const written = scores.filter(({ binary, classes }) => !binary || classes !== undefined);
  return written.reduce((sum, { values }) => sum + values.length, 0);
}
