import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** What other services give out: UUIDs, ULIDs, trace ids. Nothing that could forge a line of a log. */
const SANE = /^[\w.:-]{1,64}$/;

/** The request's `x-request-id`, so that logs of several services can be joined; a new one where it is not sane. */
export function requestId({ headers }: Pick<IncomingMessage, "headers">): string {
  const given = headers["x-request-id"];
  return typeof given === "string" && SANE.test(given) ? given : randomUUID();
}
