import { EddiError, isErrorCode, toEddiError } from "#shared/errors";
import type { Model } from "#shared/model";
import { decodeResponse, HEADER_LENGTH, parseServerTiming } from "#shared/protocol";
import { serviceFetch } from "../link/service-fetch.ts";
import type { EncodedCut } from "./encode-cut.ts";

export interface CloudReply {
  readonly kind: "reply";
  readonly scores: Float32Array;
  /** The exit that answered: an overloaded service may take an earlier one. */
  readonly exit: string;
  /**
   * From the call of `fetch` until the reply's header is here, by the worker's clock: what an answer waits for.
   * The browser's own record (Resource Timing) leaves out the milliseconds that it spends itself.
   */
  readonly elapsedMs: number;
  /** Of that, by the service's clock; null when it does not tell. */
  readonly receiveMs: number | null;
  readonly queueMs: number;
  readonly computeMs: number;
  /** From then until the scores are decoded. */
  readonly downlinkMs: number;
}

/** The cloud does not answer this one. */
export interface CloudFailure {
  readonly kind: "failure";
  readonly error: EddiError;
  /** Set when the service is there but refuses. */
  readonly retryAfterMs: number | null;
}

const RETRY_AFTER_MS = 1000;

/** Sends a cut to the tail of this version of the model. Failures are results: another path is taken. */
export async function askCloud(
  model: Model,
  { frame, encoding }: EncodedCut,
  signal: AbortSignal,
): Promise<CloudReply | CloudFailure> {
  const { id } = model.metadata;
  const path = `/v2/models/${encodeURIComponent(id)}/versions/${model.version}/infer`;
  const url = new URL(path, location.origin).href;
  try {
    const startedAt = performance.now();
    const response = await serviceFetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/octet-stream",
        [HEADER_LENGTH]: String(frame.jsonBytes),
        ...(encoding === null ? {} : { "content-encoding": encoding }),
      },
      body: frame.body as Uint8Array<ArrayBuffer>,
      signal,
    });
    const headersAt = performance.now();
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (!response.ok) return refusal(response, bytes);
    const { scores, exit } = readScores(model, response.headers.get(HEADER_LENGTH), bytes);
    const told = response.headers.get("server-timing");
    const server = parseServerTiming(told ?? "");
    return {
      kind: "reply",
      scores,
      exit,
      elapsedMs: headersAt - startedAt,
      receiveMs: told === null ? null : server.receiveMs,
      queueMs: server.queueMs,
      computeMs: server.computeMs,
      downlinkMs: performance.now() - headersAt,
    };
  } catch (thrown) {
    const error = signal.aborted
      ? toEddiError(signal.reason, "cancelled")
      : thrown instanceof EddiError
        ? thrown
        : new EddiError("unavailable", `the cloud cannot be reached: ${toEddiError(thrown).message}`);
    return { kind: "failure", error, retryAfterMs: null };
  }
}

function refusal(response: Response, body: Uint8Array): CloudFailure {
  const hint = response.status === 404 ? "; load the page again for the service's version of the model" : "";
  const said = `${errorText(body) ?? `HTTP ${response.status}`}${hint}`;
  const code = STATUS_CODES[response.status];
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return {
    kind: "failure",
    error: new EddiError(isErrorCode(code) ? code : "internal", `the cloud refuses: ${said}`),
    retryAfterMs: Number.isFinite(seconds) ? 1000 * seconds : RETRY_AFTER_MS,
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
  model: Model,
  jsonBytes: string | null,
  bytes: Uint8Array,
): { scores: Float32Array; exit: string } {
  const { exits, labels } = model.metadata;
  const { outputs } = decodeResponse(bytes, jsonBytes === null ? null : Number(jsonBytes));
  const [output] = outputs;
  const exit = exits.find(({ id, node }) => id === output?.name || node === output?.name);
  if (output?.datatype !== "FP32" || exit === undefined) {
    throw new EddiError(
      "bad-frame",
      `expected an exit's scores as FP32, got ${output?.datatype} ${output?.name}`,
    );
  }
  const scores = new Float32Array(output.data.slice().buffer);
  if (scores.length !== labels.length || !scores.every(Number.isFinite)) {
    throw new EddiError("bad-frame", `expected ${labels.length} finite scores, got ${scores.length} values`);
  }
  return { scores, exit: exit.id };
}
