import { EddiError } from "#shared/errors";
import { readVisit, type SavedVisit } from "#shared/planning";
import type { PlainAnswer } from "./visit.ts";

export type OpenedVisit = SavedVisit<PlainAnswer>;

/**
 * Reads a visit's file, somebody else's perhaps, as far as the page shows it.
 *
 * @throws EddiError `bad-argument`: what was expected and what came
 */
export function openVisit(text: string): OpenedVisit {
  const visit = readVisit(text);
  for (const [at, answer] of visit.answers.entries()) checkAnswer(`answers[${at}]`, answer);
  return visit as OpenedVisit;
}

function checkAnswer(where: string, given: unknown): void {
  const answer = (given ?? {}) as Partial<PlainAnswer>;
  for (const name of ["atMs", "totalMs", "budgetMs", "requestBytes"] as const)
    check(Number.isFinite(answer[name]), `${where}.${name}`, "a number", answer[name]);
  for (const name of ["here", "there"] as const)
    check(Array.isArray(answer[name]), `${where}.${name}`, "names of nodes", answer[name]);
  const times = Object.values(answer.stages ?? { missing: undefined });
  check(times.every(Number.isFinite), `${where}.stages`, "milliseconds", JSON.stringify(answer.stages));
  const isPlan = typeof answer.plan?.exit === "string" && Array.isArray(answer.plan.head);
  check(isPlan, `${where}.plan`, "an exit and a head", JSON.stringify(answer.plan));
  const latency = answer.prediction?.latency ?? { totalMs: 0 };
  const isForetold = Object.values(latency).every(Number.isFinite);
  check(isForetold, `${where}.prediction`, "milliseconds", JSON.stringify(answer.prediction));
}

function check(isGood: boolean, name: string, expected: string, came: unknown): void {
  if (isGood) return;
  const told = String(came).slice(0, 80);
  throw new EddiError("bad-argument", `file: ${name}: expected ${expected}, got ${told}`);
}
