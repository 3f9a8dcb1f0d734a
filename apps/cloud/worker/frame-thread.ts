import { parentPort } from "node:worker_threads";
import { toEddiError } from "#shared/errors";
import { decodeRequest } from "#shared/protocol";
import { frameAnswer } from "../worker-messages/frame-answer.ts";
import type { FrameJob, FrameReply } from "../worker-messages/frame-messages.ts";

// The thread for long frames: it reads and writes one after the other.
parentPort!.on("message", (job: FrameJob) => {
  const reply = answer(job);
  parentPort!.postMessage(reply, buffersOf(reply));
});

function answer(job: FrameJob): FrameReply {
  const startMs = performance.now();
  const ms = (): number => performance.now() - startMs;
  try {
    if (job.kind === "encode") return { kind: "encoded", frame: frameAnswer(job.answer), ms: ms() };
    return { kind: "decoded", request: decodeRequest(job.body, job.jsonBytes), ms: ms() };
  } catch (thrown) {
    const { code, message } = toEddiError(thrown);
    return { kind: "failed", code, message, ms: ms() };
  }
}

/** Handed over: tensors are views of the body, or have been made here. */
function buffersOf(reply: FrameReply): ArrayBuffer[] {
  if (reply.kind === "failed") return [];
  if (reply.kind === "encoded") return [reply.frame.body.buffer as ArrayBuffer];
  return [...new Set(reply.request.inputs.map(({ data }) => data.buffer as ArrayBuffer))];
}
