/**
 * Every failure the project reports has one of these codes. The code, not the message, crosses
 * workers and the wire, and decides the HTTP status.
 */
export const HTTP_STATUS = {
  "bad-argument": 400,
  "bad-frame": 400,
  "bad-image": 400,
  "bad-metadata": 422,
  "bad-method": 405,
  "bad-model": 422,
  "bad-plan": 422,
  "bad-profile": 422,
  "bad-scores": 500,
  "bad-tensor": 400,
  "bad-weights": 422,
  cancelled: 499,
  forbidden: 403,
  "not-found": 404,
  "rate-limited": 429,
  "too-large": 413,
  "unsupported-media": 415,
  timeout: 504,
  unauthorized: 401,
  unavailable: 503,
  internal: 500,
} as const;

export type ErrorCode = keyof typeof HTTP_STATUS;

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(HTTP_STATUS, value);
}

/** The one error class. The message says what was expected and what came. */
export class EddiError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "EddiError";
    this.code = code;
  }
}

/** Wraps anything thrown; an `EddiError` passes unchanged. */
export function toEddiError(thrown: unknown, code: ErrorCode = "internal"): EddiError {
  if (thrown instanceof EddiError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new EddiError(code, message, { cause: thrown });
}
