import type { EddiError } from "#shared/errors";
import type { WayTaken } from "#shared/learning";
import { splitPlan } from "#shared/model";
import type { Forecast } from "#shared/planning";
import type { WhatRan } from "../../talk/edge.ts";
import { elapsed, type Job } from "./job.ts";

/**
 * The one description of what happened to an image, made here, where it ran: whoever shows an answer shows this.
 *
 * @param error why the cloud did not answer; of a fallback
 */
export function whatRan(
  job: Job,
  source: WhatRan["source"],
  exit: string,
  error: EddiError | null = null,
): WhatRan {
  const { kit, plan, stages, here, there, codecs, requestBytes, replyBytes, transport } = job;
  const { names } = kit.model.dag;
  const totalMs = elapsed(job);
  const named = Object.values(stages).reduce((sum, ms) => sum + ms, 0);
  return {
    exit,
    source,
    reason: error?.message ?? null,
    here: names.filter((name) => here.has(name)),
    there: names.filter((name) => there.has(name)),
    cut: source === "edge" ? [] : splitPlan(kit.model, plan).cut,
    codecs,
    asked: job.asked.map(({ scores: _, ...asked }) => asked),
    requestBytes,
    replyBytes,
    transport,
    worksTwice: job.worksTwice,
    stages: { ...stages, otherMs: Math.max(0, totalMs - named) },
    totalMs,
    prediction: forecastOf(job, source, exit),
    simulated: job.simulated,
  };
}

/** How the plan's own way went: null where another was taken, nothing was foretold, or the cloud did not try. */
export function wayTaken(job: Job, { source, exit, totalMs, stages }: WhatRan): WayTaken | null {
  const { planning, plan, cloud } = job;
  if (planning === null || planning.plan !== plan || planning.prediction === null) return null;
  const { totalMs: expectedMs, sdMs, p95Ms } = planning.prediction;
  const isElsewhere = source !== "fallback" && exit !== plan.exit;
  const isRefused = cloud?.kind === "lost" && cloud.waitedMs === null;
  if (isElsewhere || isRefused) return null;
  const by = cloud === null ? "edge" : "cloud";
  const foretold = { totalMs: expectedMs, sdMs, p95Ms };
  return { by, foretold, ms: totalMs - stages.waitMs, isThere: source === by };
}

/** What was expected of the way that was taken: null where nobody had foreseen it. */
function forecastOf({ planning, plan }: Job, source: WhatRan["source"], exit: string): Forecast | null {
  // When the engine fails the image goes another way than the plan's.
  if (planning === null || planning.plan !== plan) return null;
  return planning.ways.find((way) => way.exit === exit && way.by === source)?.forecast ?? null;
}
