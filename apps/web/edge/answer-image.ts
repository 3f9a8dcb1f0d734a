import { splitPlan } from "#shared/model";
import { askInTime } from "./ask-in-time.ts";
import type { Answer, AnswerOptions, ImageSource } from "./conversation.ts";
import { release } from "./engine.ts";
import { elapsed, type Job, type Kit, startJob } from "./job.ts";
import { runHead } from "./run-head.ts";

/**
 * Answers one image by one plan: the head here, the tail in the cloud, or an early exit on the way that is sure
 * enough. When the cloud fails or is late the
 * edge finishes, when the edge's engine fails the cloud does it all; only when both fail there is no answer.
 *
 * @throws EddiError `bad-image`, `too-large`, `bad-plan`, `cancelled`; `unavailable` without edge and cloud
 */
export async function answerImage(
  kit: Kit,
  source: ImageSource,
  options: AnswerOptions,
  signal: AbortSignal,
): Promise<Answer> {
  const job = await startJob(kit, source, options, signal);
  try {
    const head = await runHead(job);
    if (head.kind === "scores") return toAnswer(job, "edge", head.exit, head.scores, null);
    const outcome = await askInTime(job, head.cut);
    if (outcome.kind === "failure") throw outcome.error;
    const { exit, scores } = outcome;
    if (outcome.kind === "reply") return toAnswer(job, "cloud", exit, scores, null);
    return toAnswer(job, "fallback", exit, scores, outcome.error.message);
  } finally {
    job.leaveLink();
    release(job.held);
    kit.onMeasured({ imageMs: job.stages.imageMs, head: job.ran, cloud: job.cloud });
  }
}

function toAnswer(
  job: Job,
  source: Answer["source"],
  exit: string,
  scores: Float32Array,
  reason: string | null,
): Answer {
  const { kit, options, plan, planning, stages, codecs, requestBytes, transport } = job;
  const totalMs = elapsed(job);
  const named = Object.values(stages).reduce((sum, ms) => sum + ms, 0);
  const best = scores.indexOf(Math.max(...scores));
  return {
    scores,
    label: kit.model.metadata.labels[best]!,
    confidence: scores[best]!,
    exit,
    plan,
    asked: job.asked.map(({ scores: _, ...asked }) => asked),
    cut: source === "edge" ? [] : splitPlan(kit.model, plan).cut,
    codecs,
    source,
    reason,
    isIncomplete: job.isIncomplete,
    budgetMs: options.budgetMs,
    prediction: planning?.prediction ?? null,
    stages: { ...stages, otherMs: Math.max(0, totalMs - named) },
    totalMs,
    requestBytes,
    transport,
  };
}
