import { ancestors } from "#shared/graph";
import type { CloudLost } from "#shared/learning";
import { allEdge, detoursOf, type Plan } from "#shared/model";
import type { CloudFailure, CloudReply } from "../cloud/ask-cloud.ts";
import type { LocalAnswer } from "./finish-here.ts";
import type { Job } from "./job.ts";

/** Enters a reply's times. */
export function enterReply(job: Job, reply: CloudReply, sentAt: number): CloudReply {
  const { stages, codecs, requestBytes } = job;
  const plan = { ...planTo(job, reply.exit), codecs };
  const { elapsedMs, receiveMs, served, expectedQueueMs } = reply;
  const { queueMs, computeMs } = served ?? { queueMs: 0, computeMs: 0 };
  job.replyBytes = reply.replyBytes;
  for (const name of tailOf(job, plan)) job.there.add(name);
  stages.queueMs = queueMs;
  stages.cloudMs = computeMs;
  stages.uplinkMs = Math.max(0, Math.min(receiveMs ?? 0, elapsedMs - queueMs - computeMs));
  stages.rttMs = Math.max(0, elapsedMs - queueMs - computeMs - stages.uplinkMs);
  stages.downlinkMs = reply.downlinkMs;
  const transport = job.transport ?? "fetch";
  const { isShared } = besides(job, sentAt);
  const measured = { requestBytes, transport, elapsedMs, isShared, served, expectedQueueMs };
  job.cloud = { kind: "answered", plan, ...measured };
  return reply;
}

/**
 * Enters that the cloud did not answer, and what the edge did in its stead.
 *
 * @param found null when that could not either
 */
export function enterLoss(job: Job, failure: CloudFailure, sentAt: number, found: LocalAnswer | null): void {
  const { stages } = job;
  const waitedMs = performance.now() - sentAt;
  stages.finishMs = found?.ms ?? 0;
  stages.lostMs = Math.max(0, waitedMs - stages.finishMs);
  for (const name of found?.nodes ?? []) job.here.add(name);
  job.cloud = {
    kind: "lost",
    requestBytes: job.requestBytes,
    transport: job.transport ?? "fetch",
    waitedMs: failure.error.code === "timeout" ? waitedMs : null,
    ...besides(job, sentAt),
    retryAfterMs: failure.retryAfterMs,
    expectedQueueMs: failure.expectedQueueMs,
  };
}

/** What else there was on the link since the request was sent. */
function besides({ kit }: Job, sentAt: number): Pick<CloudLost, "isShared" | "isHeard"> {
  return { isShared: kit.traffic.wasOnSince(sentAt), isHeard: kit.traffic.heardMs >= sentAt };
}

/** The job's plan, as if this had been its exit: what the cloud ran and is measured by. */
function planTo({ plan, kit }: Job, exit: string): Plan {
  const { insurance: _, ...own } = plan;
  if (exit === plan.exit) return own;
  const needed = new Set(allEdge(kit.model, exit).head);
  return { exit, head: plan.head.filter((name) => needed.has(name)) };
}

/** All that the exit needs, and neither the head nor what a learned codec's decoder made has brought. */
function tailOf({ kit }: Job, plan: Plan): readonly string[] {
  const { model } = kit;
  const { dag } = model;
  const brought = new Set(plan.head);
  for (const { replaces } of detoursOf(model, plan)) {
    const above = ancestors(dag, dag.names.indexOf(replaces));
    for (const [node, name] of dag.names.entries()) if (above[node]) brought.add(name);
  }
  return allEdge(model, plan.exit).head.filter((name) => !brought.has(name));
}
