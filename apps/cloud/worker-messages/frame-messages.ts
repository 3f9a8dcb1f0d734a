import type { ErrorCode } from "#shared/errors";
import type { Frame, InferRequest } from "#shared/protocol";
import type { Answer } from "./frame-answer.ts";

/** What the thread for long frames is started with. */
export interface FrameSetup {
  /** Module that it runs. */
  readonly entry: string;
}

/** What is to be done, one at a time. */
export type FrameJob =
  | {
      readonly kind: "decode";
      /** Handed over. */
      readonly body: Uint8Array;
      /** As of `InferCall`. */
      readonly jsonBytes: number | null;
    }
  | { readonly kind: "encode"; readonly answer: Answer };

export type FrameReply =
  | { readonly kind: "decoded"; readonly request: InferRequest; readonly ms: number }
  | { readonly kind: "encoded"; readonly frame: Frame; readonly ms: number }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string; readonly ms: number };
