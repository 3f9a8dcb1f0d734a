import { EddiError } from "#shared/errors";
import { type PlanningTrace, readTrace } from "./trace.ts";

/** A visit as the page saves it: neither pictures nor what they show. */
export interface SavedVisit<Answered = unknown> {
  readonly format: "eddi-visit";
  /** What the address asked for; the key is never in it. */
  readonly settings: string;
  /** The edge's engine, and how it was chosen. */
  readonly device: object | null;
  readonly answers: readonly Answered[];
  readonly planning: PlanningTrace;
}

/**
 * Reads a visit's file; what happened to each photo is for whoever shows it to check.
 *
 * @throws EddiError `bad-argument`: what was expected and what came
 */
export function readVisit(text: string): SavedVisit {
  const visit = parsed(text) as Partial<SavedVisit> | null;
  if (visit?.format !== "eddi-visit") throw bad(`format ${visit?.format}`);
  const { settings, device = null, answers = [], planning } = visit;
  if (!Array.isArray(answers)) throw bad("answers that are no list");
  return {
    format: "eddi-visit",
    settings: String(settings ?? ""),
    device,
    answers,
    planning: readTrace(planning),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw bad("no JSON");
  }
}

function bad(came: string): EddiError {
  return new EddiError("bad-argument", `file: expected a visit as the page saves it, got ${came}`);
}
