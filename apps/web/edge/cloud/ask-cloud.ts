import { EddiError, isErrorCode, toEddiError } from "#shared/errors";
import type { Served } from "#shared/learning";
import { exitWidth, type Model, outputKind, type Transport } from "#shared/model";
import { decodeResponse } from "#shared/protocol";
import { faultOf } from "../engine/check-results.ts";
import type { CloudMessage, CloudWays } from "./cloud-ways.ts";
import type { EncodedCut } from "./encode-cut.ts";

export interface CloudReply {
  readonly kind: "reply";
  readonly scores: Float32Array;
  /** Of the reply's body. */
  readonly replyBytes: number;
  /** The exit that answered: an overloaded service may take an earlier one. */
  readonly exit: string;
  /**
   * From the call of `fetch` until the reply's header is here, or from sending a message until the reply's is here,
   * by the worker's clock: what an answer waits for.
   * The browser's own record (Resource Timing) leaves out the milliseconds that it spends itself.
   */
  readonly elapsedMs: number;
  /** Of that, by the service's clock; null when it does not tell, and on a stream, where it sees whole messages. */
  readonly receiveMs: number | null;
  /** Of that, by the service's clock; null when it does not tell. */
  readonly served: Served | null;
  /** What the next request would wait; null when the service does not tell. */
  readonly expectedQueueMs: number | null;
  /** From then until the scores are decoded. */
  readonly downlinkMs: number;
}

/** The cloud does not answer this one. */
export interface CloudFailure {
  readonly kind: "failure";
  readonly error: EddiError;
  /** Set when the service is there but refuses. */
  readonly retryAfterMs: number | null;
  /** What a request would wait; null when the service does not tell. */
  readonly expectedQueueMs: number | null;
}

const RETRY_AFTER_MS = 1000;

/**
 * Sends a cut to the tail of this version of the model. Failures are results: another path is taken.
 *
 * @param onWay told which way the request goes
 */
export async function askCloud(
  ways: Pick<CloudWays, "send">,
  { metadata }: Model,
  { model, version, frame, encoding }: EncodedCut,
  signal: AbortSignal,
  onWay: (way: Transport) => void,
): Promise<CloudReply | CloudFailure> {
  const { body, jsonBytes } = frame;
  try {
    const message = await ways.send({ model, version, encoding, jsonBytes, body }, signal, onWay);
    if (message.status !== 200) return refusal(message, version);
    const { scores, exit } = readScores(metadata, message);
    return {
      kind: "reply",
      scores,
      exit,
      replyBytes: message.body.byteLength,
      elapsedMs: message.elapsedMs,
      receiveMs: message.times?.receiveMs ?? null,
      served: message.times,
      expectedQueueMs: message.times?.expectedQueueMs ?? null,
      downlinkMs: performance.now() - message.arrivedMs,
    };
  } catch (thrown) {
    const error = signal.aborted
      ? toEddiError(signal.reason, "cancelled")
      : thrown instanceof EddiError
        ? thrown
        : new EddiError("unavailable", `the cloud cannot be reached: ${toEddiError(thrown).message}`);
    // A tail that the cloud does not have was not asked for: that says nothing of whether the cloud is there.
    const retryAfterMs = error.code === "not-found" ? 0 : null;
    return { kind: "failure", error, retryAfterMs, expectedQueueMs: null };
  }
}

function refusal(
  { status, body, retryAfterS, times }: CloudMessage,
  version: EncodedCut["version"],
): CloudFailure {
  const hint =
    status === 404 && version !== null ? "; load the page again for the service's version of the model" : "";
  const said = `${errorText(body) ?? `HTTP ${status}`}${hint}`;
  const code = STATUS_CODES[status];
  return {
    kind: "failure",
    error: new EddiError(isErrorCode(code) ? code : "internal", `the cloud refuses: ${said}`),
    retryAfterMs: retryAfterS === null ? RETRY_AFTER_MS : 1000 * retryAfterS,
    expectedQueueMs: times?.expectedQueueMs ?? null,
  };
}

const STATUS_CODES: Readonly<Record<number, string>> = {
  401: "unauthorized",
  404: "not-found",
  413: "too-large",
  429: "unavailable",
  502: "unavailable",
  503: "unavailable",
  504: "timeout",
};

function errorText(body: Uint8Array): string | null {
  try {
    const { error } = JSON.parse(new TextDecoder().decode(body)) as { error?: unknown };
    return typeof error === "string" ? error.slice(0, 300) : null;
  } catch {
    return null;
  }
}

function readScores(
  metadata: Model["metadata"],
  { body, jsonBytes }: CloudMessage,
): { scores: Float32Array; exit: string } {
  const { outputs } = decodeResponse(body, jsonBytes);
  const [output] = outputs;
  const exit = metadata.exits.find(({ id, node }) => id === output?.name || node === output?.name);
  if (output?.datatype !== "FP32" || exit === undefined) {
    throw new EddiError(
      "bad-frame",
      `expected an exit's scores as FP32, got ${output?.datatype} ${output?.name}`,
    );
  }
  const scores = new Float32Array(output.data.slice().buffer);
  const width = exitWidth(metadata, exit);
  if (scores.length !== width) {
    throw new EddiError("bad-frame", `expected ${width} scores, got ${scores.length}`);
  }
  // The service's engine may fail without a word as well.
  const fault = faultOf(scores, outputKind(exit));
  if (fault !== null) throw new EddiError("bad-frame", `the cloud's ${exit.id}: ${fault}`);
  return { scores, exit: exit.id };
}
