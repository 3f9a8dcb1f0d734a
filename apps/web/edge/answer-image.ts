import { allCloud, splitPlan } from "#shared/model";
import type { TensorValues } from "#shared/runtime";
import { askInTime } from "./ask-in-time.ts";
import type { Answer, AnswerOptions, ImageSource } from "./conversation.ts";
import { release } from "./engine.ts";
import { finishPoints } from "./finish-here.ts";
import { elapsed, feedsOf, imageOf, type Job, type Kit, startJob, useEngine } from "./job.ts";

/**
 * Answers one image by one plan: the head here, the tail in the cloud. When the cloud fails or is late the
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
    if (head.scores !== null) return toAnswer(job, "edge", job.plan.exit, head.scores, null);
    const outcome = await askInTime(job, head.cut);
    if (outcome.kind === "failure") throw outcome.error;
    const { exit, scores } = outcome;
    if (outcome.kind === "reply") return toAnswer(job, "cloud", exit, scores, null);
    return toAnswer(job, "fallback", exit, scores, outcome.error.message);
  } finally {
    release(job.held);
    kit.onMeasured({ imageMs: job.stages.imageMs, head: job.ran, cloud: job.cloud });
  }
}

interface HeadResult {
  /** When the exit lies in the head. */
  readonly scores: Float32Array | null;
  readonly cut: ReadonlyMap<string, TensorValues>;
}

/**
 * Runs the head. What finishing on the edge would need stays on the device. When the engine fails the plan
 * becomes all-cloud.
 */
async function runHead(job: Job): Promise<HeadResult> {
  const { kit, plan } = job;
  const { head, cut, tail } = splitPlan(kit.model, plan);
  const image = imageOf(job);
  if (head.nodes.length === 0) return { scores: null, cut: image };
  const kept = tail === null ? [] : finishPoints(job, plan).flatMap(({ from }) => from.head.outputs);
  const outputs = [...new Set([...head.outputs, ...kept])].filter((name) => !image.has(name));
  const read = head.outputs.filter((name) => !image.has(name));
  const run = await useEngine(job, (engine) => engine.run({ ...head, outputs }, feedsOf(job), read));
  if (run === null) {
    job.plan = allCloud(kit.model, plan.exit);
    return { scores: null, cut: image };
  }
  job.held = run.held;
  job.ran = { plan, ms: run.ms };
  job.stages.headMs = run.ms;
  if (tail === null) return { scores: run.values[0]!.values, cut: new Map() };
  const values = new Map([...image, ...read.map((name, at) => [name, run.values[at]!] as const)]);
  return { scores: null, cut: new Map(cut.map((name) => [name, values.get(name)!])) };
}

function toAnswer(
  job: Job,
  source: Answer["source"],
  exit: string,
  scores: Float32Array,
  reason: string | null,
): Answer {
  const { kit, options, plan, planning, stages, requestBytes } = job;
  const totalMs = elapsed(job);
  const named = Object.values(stages).reduce((sum, ms) => sum + ms, 0);
  const best = scores.indexOf(Math.max(...scores));
  return {
    scores,
    label: kit.model.metadata.labels[best]!,
    confidence: scores[best]!,
    exit,
    plan,
    cut: splitPlan(kit.model, plan).cut,
    source,
    reason,
    budgetMs: options.budgetMs,
    prediction: planning?.prediction ?? null,
    stages: { ...stages, otherMs: Math.max(0, totalMs - named) },
    totalMs,
    requestBytes,
  };
}
