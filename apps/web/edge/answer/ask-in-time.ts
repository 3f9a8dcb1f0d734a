import { EddiError } from "#shared/errors";
import { allEdge } from "#shared/model";
import { dueMs, type Local, nextStep, type Race, worthMs } from "#shared/planning";
import type { TensorValues } from "#shared/runtime";
import { askCloud, type CloudFailure, type CloudReply } from "../cloud/ask-cloud.ts";
import type { EncodedCut } from "../cloud/encode-cut.ts";
import { Bell } from "./bell.ts";
import { encode } from "./encode.ts";
import { type FinishPoint, finishAt, finishPoints, type LocalAnswer } from "./finish-here.ts";
import { elapsed, type Job } from "./job.ts";
import { enterLoss, enterReply } from "./outcome.ts";

/** The edge finished in the cloud's stead. */
export interface Finished extends LocalAnswer {
  readonly kind: "finished";
  /** Why the cloud did not. */
  readonly error: EddiError;
}

/**
 * The cloud's reply, or what the edge makes of the image when that fails or is late: it does what `nextStep` says,
 * whenever something has happened.
 */
export async function askInTime(
  job: Job,
  cut: ReadonlyMap<string, TensorValues>,
): Promise<CloudReply | CloudFailure | Finished> {
  const sentMs = elapsed(job);
  const known = { budgetMs: job.options.budgetMs, sentMs, expected: expected(job) };
  const finish = finishPoints(job, job.plan);
  const encoded = await encode(job, cut, worthMs({ ...known, finish }, sentMs));
  job.signal.throwIfAborted();
  const run = new Running(job, { ...known, sentMs: elapsed(job) });
  try {
    return await run.toEnd(encoded);
  } finally {
    run.end();
  }
}

/** A request under way, and what the edge does meanwhile. */
class Running {
  private readonly job: Job;
  private readonly known: Pick<Race, "budgetMs" | "sentMs" | "expected">;
  private readonly sentAt = performance.now();
  private readonly bell = new Bell();
  /** Ends what is still under way when the answer is there. */
  private readonly over = new AbortController();
  private readonly cancel: () => void;
  private outcome: CloudReply | CloudFailure | null = null;
  private local: Local = { state: "idle", exit: null, failures: 0 };
  private found: LocalAnswer | null = null;
  /** Weights for the first exit, or another engine: they are waited for once, and again after a failure. */
  private preparing: "not yet" | "under way" | "in vain" = "not yet";

  constructor(job: Job, known: Pick<Race, "budgetMs" | "sentMs" | "expected">) {
    this.job = job;
    this.known = known;
    this.cancel = () => {
      this.over.abort(job.signal.reason);
      this.bell.ring();
    };
    job.signal.addEventListener("abort", this.cancel);
  }

  async toEnd(encoded: EncodedCut): Promise<CloudReply | CloudFailure | Finished> {
    const { job, sentAt } = this;
    this.ask(encoded);
    for (;;) {
      job.signal.throwIfAborted();
      const points = finishPoints(job, job.plan);
      if (points.length === 0) this.prepare();
      const race = this.race(points);
      const now = elapsed(job);
      const end = dueMs(race);
      // Late or failed: weights may be what the answer waits for now.
      if (race.reply === "failed" || now >= end) job.leaveLink();
      const step = nextStep(race, now);
      if (step.kind === "wait")
        await this.bell.wait((now < end ? Math.min(step.untilMs, end) : step.untilMs) - now);
      else if (step.kind === "finish") this.finish(points.find(({ exit }) => exit === step.exit)!);
      else if (step.kind === "answer" && step.by === "cloud") {
        const reply = this.outcome as CloudReply;
        const isAsked = job.asked.some(({ exit }) => exit === this.found?.exit);
        job.kit.drift.label([...job.asked, ...(this.found === null || isAsked ? [] : [this.found])], reply);
        return enterReply(job, reply, sentAt);
      } else return this.withoutReply();
    }
  }

  end(): void {
    this.over.abort(new EddiError("timeout", "the answer is there"));
    this.job.signal.removeEventListener("abort", this.cancel);
  }

  private race(finish: readonly FinishPoint[]): Race {
    const { known, outcome, local, job } = this;
    return {
      ...known,
      insurance: job.plan.insurance?.exit ?? null,
      soonest: job.planning?.soonest?.exit ?? null,
      // WASM computes in this very thread.
      blocks: job.kit.engine()?.backend === "wasm",
      patienceMs: job.planning?.patienceMs ?? 0,
      overlaps: (job.planning?.load ?? null) !== null,
      finish,
      reply: outcome === null ? "under way" : outcome.kind === "reply" ? "there" : "failed",
      local,
      isPreparing: this.preparing === "under way",
    };
  }

  private ask(encoded: EncodedCut): void {
    const { job, over } = this;
    const { cloud, model } = job.kit;
    // All that is ever sent of an image is sent below.
    if (job.options.phoneOnly === true) {
      job.requestBytes = 0;
      const error = new EddiError("unavailable", "nothing may be sent");
      this.outcome = { kind: "failure", error, retryAfterMs: null, expectedQueueMs: null };
      return;
    }
    void askCloud(cloud, model, encoded, over.signal, (way) => {
      job.transport = way;
    }).then((settled) => {
      // It has gone no way.
      if (job.transport === null) job.requestBytes = 0;
      this.outcome = settled;
      this.bell.ring();
    });
  }

  private finish(point: FinishPoint): void {
    const { job, over, bell } = this;
    const { failures } = this.local;
    this.local = { state: "running", exit: point.exit, failures };
    const settle = (found: LocalAnswer | null): void => {
      this.found = found;
      const isDone = found !== null;
      this.local = {
        state: isDone ? "done" : "idle",
        exit: point.exit,
        failures: failures + (isDone ? 0 : 1),
      };
      if (found === null) this.preparing = "not yet";
      else if (!over.signal.aborted) job.tell(found, "insurance");
      bell.ring();
    };
    job.worksTwice ||= point.finishMs > 0;
    // Nobody waits for what fails because the answer is there.
    job.finishing = finishAt(job, point, over.signal).then(settle, () => {});
  }

  /** Makes the first exit ready: at the start, or after an engine was lost. */
  private prepare(): void {
    if (this.preparing !== "not yet") return;
    this.preparing = "under way";
    const { kit } = this.job;
    const first = allEdge(kit.model, kit.model.metadata.exits[0]!.id);
    const settle = (): void => {
      this.preparing = "in vain";
      this.bell.ring();
    };
    void kit.readiness.prepare(first, this.over.signal).then(settle, settle);
  }

  private withoutReply(): CloudFailure | Finished {
    const { job, found, outcome, sentAt } = this;
    const waitedMs = performance.now() - sentAt;
    const failure = outcome?.kind === "failure" ? outcome : lateReply(waitedMs);
    enterLoss(job, failure, sentAt, found);
    return found === null ? failure : { kind: "finished", error: failure.error, ...found };
  }
}

/**
 * What the reply is expected to take: null for a plan that the caller insists on. Where the optimizer has foreseen
 * none, nothing speaks for waiting longer than the budget.
 */
function expected({ options, planning }: Job): Race["expected"] {
  if (options.plan !== undefined) return null;
  if (planning === null || planning.prediction === null) return { remoteMs: 0, sdMs: 0 };
  const { latency, sdMs } = planning.prediction;
  return { remoteMs: latency.totalMs - latency.edgeMs, sdMs };
}

function lateReply(afterMs: number): CloudFailure {
  const error = new EddiError("timeout", `no reply from the cloud within ${Math.round(afterMs)} ms`);
  return { kind: "failure", error, retryAfterMs: null, expectedQueueMs: null };
}
