import { EddiError } from "#shared/errors";
import { readVisit, type SavedVisit } from "#shared/planning";
import type { Stages } from "../../talk/edge.ts";
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

const STAGES: readonly (keyof Stages)[] = [
  "imageMs",
  "waitMs",
  "headMs",
  "encodeMs",
  "uplinkMs",
  "rttMs",
  "queueMs",
  "cloudMs",
  "downlinkMs",
  "lostMs",
  "finishMs",
  "otherMs",
];
const SOURCES = ["edge", "cloud", "fallback"];

function checkAnswer(where: string, given: unknown): void {
  const answer = (given ?? {}) as Partial<PlainAnswer>;
  const { stages, source, exit, plan, prediction = null } = answer;
  for (const name of ["atMs", "totalMs", "budgetMs", "requestBytes"] as const)
    check(Number.isFinite(answer[name]), `${where}.${name}`, "a number", answer[name]);
  for (const name of ["here", "there"] as const)
    check(Array.isArray(answer[name]), `${where}.${name}`, "names of nodes", answer[name]);
  for (const name of STAGES)
    check(Number.isFinite(stages?.[name]), `${where}.stages.${name}`, "milliseconds", stages?.[name]);
  check(SOURCES.includes(String(source)), `${where}.source`, `one of ${SOURCES.join(", ")}`, source);
  check(typeof exit === "string", `${where}.exit`, "an exit's id", exit);
  check(Array.isArray(plan?.head), `${where}.plan`, "an exit and a head", plan);
  if (prediction === null) return;
  const { imageMs, totalMs, latency } = prediction;
  const { edgeMs, uplinkMs, rttMs, downlinkMs, queueMs, cloudMs } = latency ?? {};
  const times = [imageMs, totalMs, edgeMs, uplinkMs, rttMs, downlinkMs, queueMs, cloudMs];
  check(times.every(Number.isFinite), `${where}.prediction`, "milliseconds", JSON.stringify(prediction));
}

function check(isGood: boolean, name: string, expected: string, came: unknown): void {
  if (isGood) return;
  const told = String(came).slice(0, 80);
  throw new EddiError("bad-argument", `file: ${name}: expected ${expected}, got ${told}`);
}
