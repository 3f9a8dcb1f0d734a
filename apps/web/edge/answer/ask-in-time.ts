import { EddiError } from "#shared/errors";
import type { Latency } from "#shared/evaluator";
import type { CloudLost } from "#shared/learning";
import { allEdge, type Plan, type Transport } from "#shared/model";
import { DEAD_LINK_MS, deadlineMs, type Prediction } from "#shared/planning";
import type { TensorValues } from "#shared/runtime";
import { askCloud, type CloudFailure, type CloudReply } from "../cloud/ask-cloud.ts";
import { encodeCut } from "../cloud/encode-cut.ts";
import { finishHere, finishPoints } from "./finish-here.ts";
import { codecOf, elapsed, type Job } from "./job.ts";

/** The edge finished in the cloud's stead. */
export interface Finished {
  readonly kind: "finished";
  readonly exit: string;
  readonly scores: Float32Array;
  /** Why the cloud did not. */
  readonly error: EddiError;
}

/** The cloud's reply, or what the edge makes of the image when that fails or is late. */
export async function askInTime(
  job: Job,
  cut: ReadonlyMap<string, TensorValues>,
): Promise<CloudReply | CloudFailure | Finished> {
  const { kit, options, plan, stages, planning } = job;
  const encodeStart = performance.now();
  const sendMs = elapsed(job);
  const deadline = (): number =>
    deadlineMs(options.budgetMs, sendMs, expected(job), finishPoints(job, job.plan));
  const timeoutMs = Math.max(deadline() - sendMs, 1);
  const ask = { exit: plan.exit, mayAnswerEarlier: planning?.mayAnswerEarlier === true, timeoutMs };
  const encoded = await encodeCut(kit.model, ask, cut, job.input.canvas, (name) => codecOf(job, name));
  await kit.engine()?.slowDown(`encode ${JSON.stringify(encoded.codecs)}`, encodeStart);
  job.requestBytes = encoded.frame.body.byteLength;
  job.codecs = encoded.codecs;
  const sentAt = performance.now();
  stages.encodeMs = sentAt - encodeStart;
  if (job.ran !== null) {
    const { plan: ran, ms } = job.ran;
    job.ran = { ...job.ran, plan: { ...ran, codecs: job.codecs }, ms: ms + stages.encodeMs };
  }

  job.signal.throwIfAborted();
  const over = new AbortController();
  const cancel = (): void => over.abort(job.signal.reason);
  job.signal.addEventListener("abort", cancel);
  let outcome: CloudReply | CloudFailure | null = null;
  const onWay = (way: Transport): void => {
    job.transport = way;
  };
  const asked = askCloud(kit.cloud, kit.model, encoded, over.signal, onWay).then((settled) => {
    outcome = settled;
  });
  const reply = (): CloudReply | null => (outcome?.kind === "reply" ? outcome : null);
  const untilDeadline = (): Promise<void> => sleep(deadline() - elapsed(job), over.signal);
  try {
    // Without an exit to finish at there is the whole budget for the cloud, with one there is less.
    if (finishPoints(job, job.plan).length === 0)
      await Promise.race([asked, finishable(job, over.signal), untilDeadline()]);
    await Promise.race([asked, untilDeadline()]);
    // Late: weights may be what the answer waits for now.
    job.leaveLink();
    if (reply() === null) await untilFinishable(job, asked, reply, over.signal);
    job.signal.throwIfAborted();
    if (reply() !== null) return settle(job, reply()!, sentAt);
    // Failed or late: the edge finishes, and still takes a reply that comes meanwhile.
    stages.lostMs = performance.now() - sentAt;
    let local = await finishHere(job);
    if (local === null && reply() === null) {
      // The engine failed at that: the one in its place may do it.
      await untilFinishable(job, asked, reply, over.signal);
      local = await finishHere(job);
    }
    if (reply() !== null) {
      stages.lostMs = 0;
      return settle(job, reply()!, sentAt);
    }
    const failure = (outcome as CloudFailure | null) ?? lateReply(stages.lostMs);
    job.cloud = {
      kind: "lost",
      requestBytes: job.requestBytes,
      transport: job.transport ?? "fetch",
      waitedMs: failure.error.code === "timeout" ? stages.lostMs : null,
      ...besides(job, sentAt),
      retryAfterMs: failure.retryAfterMs,
      expectedQueueMs: failure.expectedQueueMs,
    };
    return local === null ? failure : { kind: "finished", error: failure.error, ...local };
  } finally {
    over.abort(new EddiError("timeout", "the answer is there"));
    job.signal.removeEventListener("abort", cancel);
  }
}

/**
 * Waits until the edge can finish or the cloud replies after all, whichever comes first: right after the
 * start, with no weights there yet, it has to be worth waiting for either. Gives up on a dead link.
 */
async function untilFinishable(
  job: Job,
  asked: Promise<void>,
  reply: () => CloudReply | null,
  signal: AbortSignal,
): Promise<void> {
  if (finishPoints(job, job.plan).length > 0) return;
  const prepared = finishable(job, signal);
  const end = sleep(DEAD_LINK_MS, signal);
  await Promise.race([asked, prepared, end]);
  // The cloud has failed, the weights may come yet; or the other way round.
  if (reply() === null && finishPoints(job, job.plan).length === 0) {
    await Promise.race([Promise.all([asked, prepared]), end]);
  }
}

/** What else there was on the link since the request was sent. */
function besides({ kit }: Job, sentAt: number): Pick<CloudLost, "isShared" | "isHeard"> {
  return { isShared: kit.traffic.wasOnSince(sentAt), isHeard: kit.traffic.heardMs >= sentAt };
}

/** Settles when the first exit is ready, or cannot be had: at the start, or after an engine was lost. */
async function finishable({ kit }: Job, signal: AbortSignal): Promise<void> {
  const { model, readiness } = kit;
  await readiness.prepare(allEdge(model, model.metadata.exits[0]!.id), signal).catch(() => {});
}

/**
 * What the reply is expected to take: null for a plan that the caller insists on. Where the optimizer has foreseen
 * none, nothing speaks for waiting longer than the budget.
 */
function expected({ options, planning }: Job): Pick<Prediction, "latency" | "sdMs"> | null {
  if (options.plan !== undefined) return null;
  return planning?.prediction ?? NOTHING_EXPECTED;
}

const NOTHING_EXPECTED = { latency: { totalMs: 0, edgeMs: 0 } as Latency, sdMs: 0 };

/** Enters a reply's times. */
function settle(job: Job, reply: CloudReply, sentAt: number): CloudReply {
  const { stages, codecs, requestBytes } = job;
  const plan = { ...planTo(job, reply.exit), codecs };
  const { elapsedMs, receiveMs, queueMs, computeMs, expectedQueueMs } = reply;
  job.replyBytes = reply.replyBytes;
  for (const name of tailOf(job, plan)) job.there.add(name);
  stages.queueMs = queueMs;
  stages.cloudMs = computeMs;
  stages.uplinkMs = Math.max(0, Math.min(receiveMs ?? 0, elapsedMs - queueMs - computeMs));
  stages.rttMs = Math.max(0, elapsedMs - queueMs - computeMs - stages.uplinkMs);
  stages.downlinkMs = reply.downlinkMs;
  const transport = job.transport ?? "fetch";
  const served = { elapsedMs, queueMs, computeMs, expectedQueueMs };
  const { isShared } = besides(job, sentAt);
  job.cloud = { kind: "answered", plan, requestBytes, transport, isShared, ...served };
  return reply;
}

/** The job's plan, as if this had been its exit: what the cloud ran and is measured by. */
function planTo({ plan, kit }: Job, exit: string): Plan {
  if (exit === plan.exit) return plan;
  const needed = new Set(allEdge(kit.model, exit).head);
  return { exit, head: plan.head.filter((name) => needed.has(name)) };
}

/** All that the exit needs and the head did not bring. */
function tailOf({ kit }: Job, { exit, head }: Plan): readonly string[] {
  const brought = new Set(head);
  return allEdge(kit.model, exit).head.filter((name) => !brought.has(name));
}

function lateReply(afterMs: number): CloudFailure {
  const error = new EddiError("timeout", `no reply from the cloud within ${Math.round(afterMs)} ms`);
  return { kind: "failure", error, retryAfterMs: null, expectedQueueMs: null };
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, Math.max(0, ms));
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      done();
    });
  });
}
