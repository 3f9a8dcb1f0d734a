import { EddiError } from "#shared/errors";
import type { Answer, AnswerOptions, ImageSource, Provisional, WhatRan } from "../../talk/edge.ts";
import { release } from "../engine/held.ts";
import { askInTime } from "./ask-in-time.ts";
import { type Job, type Kit, startJob } from "./job.ts";
import { labelled } from "./labelled.ts";
import { runHead } from "./run-head.ts";
import { wayTaken, whatRan } from "./what-ran.ts";

/**
 * Answers one image by one plan: the head here, the tail in the cloud, or an early exit on the way that is sure
 * enough. When the cloud fails or is late the
 * edge finishes, when the edge's engine fails the cloud does it all; only when both fail there is no answer.
 *
 * @param tell told answers that a better one may follow: of early exits that were not sure enough, of the insurance
 * @throws EddiError `bad-image`, `too-large`, `bad-plan`, `cancelled`; `unavailable` without edge and cloud
 */
export async function answerImage(
  kit: Kit,
  source: ImageSource,
  options: AnswerOptions,
  signal: AbortSignal,
  tell: (answer: Provisional) => void = () => {},
): Promise<Answer> {
  const job = await startJob(kit, source, options, signal, tell);
  try {
    const head = await runHead(job);
    if (head.kind === "scores") return toAnswer(job, head.scores, whatRan(job, "edge", head.exit));
    const outcome = await askInTime(job, head.cut);
    if (outcome.kind === "failure") throw withoutEngine(job, outcome.error);
    const { exit, scores } = outcome;
    if (outcome.kind === "reply") return toAnswer(job, scores, whatRan(job, "cloud", exit));
    return toAnswer(job, scores, whatRan(job, "fallback", exit, outcome.error));
  } finally {
    job.leaveLink();
    void job.finishing.then(() => release(job.held));
    // What was asked in other conditions says nothing of these.
    if (job.simulated === kit.simulated())
      kit.onMeasured({ imageMs: job.stages.imageMs, head: job.ran, cloud: job.cloud, way: job.way });
  }
}

/** Why there is no answer at all: the cloud's reason, and that nothing here could stand in for it. */
function withoutEngine({ kit }: Job, error: EddiError): EddiError {
  if (kit.engine() !== null) return error;
  return new EddiError(error.code, `${error.message}; and no engine works on this device`, { cause: error });
}

function toAnswer(job: Job, scores: Float32Array, ran: WhatRan): Answer {
  job.way = wayTaken(job, ran);
  return {
    ...ran,
    ...labelled(job.kit.model, { exit: ran.exit, scores }),
    scores,
    plan: job.plan,
    isIncomplete: job.isIncomplete,
    budgetMs: job.options.budgetMs,
  };
}
