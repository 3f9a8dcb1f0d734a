import type { Answering } from "../../client/index.ts";
import type { Answer } from "../../talk/edge.ts";
import type { PlanSummary } from "../../talk/optimizer.ts";

/** By answer: what was known when its image was asked about. Answers teach, so that it is no longer known later. */
const known = new WeakMap<Answer, PlanSummary>();

export function keepAsked({ answer }: Answering, summary: PlanSummary | null): void {
  answer.then(
    (came) => {
      if (summary !== null) known.set(came, summary);
    },
    () => {}, // Whoever has asked hears of it.
  );
}

export function askedOf(answer: Answer): PlanSummary | null {
  return known.get(answer) ?? null;
}
