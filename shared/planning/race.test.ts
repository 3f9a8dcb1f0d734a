import { expect, test } from "vitest";
import type { Finish } from "./planning.ts";
import { DEAD_LINK_MS, dueMs, type Local, nextStep, type Race, worthMs } from "./race.ts";

const EXITS: readonly Finish[] = [
  { exit: "exit1", finishMs: 20, latestMs: 24 },
  { exit: "exit2", finishMs: 60, latestMs: 72 },
  { exit: "exit3", finishMs: 150, latestMs: 180 },
];
const asked = (exit: string): Finish => ({ exit, finishMs: 0, latestMs: 0 });
const IDLE: Local = { state: "idle", exit: null, failures: 0 };
const race: Race = {
  budgetMs: 300,
  sentMs: 40,
  expected: { remoteMs: 100, sdMs: 10 },
  insurance: "exit2",
  soonest: null,
  blocks: false,
  patienceMs: 0,
  overlaps: false,
  finish: EXITS,
  reply: "under way",
  local: IDLE,
  isPreparing: false,
};

/** What happens to a request and to the edge. */
interface Fate {
  /** When the reply comes, or fails; neither, if infinite. */
  readonly repliesMs: number;
  readonly failsMs: number;
  /** How long finishing takes, as a share of `latestMs`. */
  readonly slowness: number;
  /** So many attempts of the edge fail. */
  readonly failures: number;
  readonly timerMs: number;
}

interface Ran {
  readonly by: "cloud" | "edge" | null;
  readonly exit: string | null;
  readonly endMs: number;
  /** When the edge began to finish; null if it never did. */
  readonly startedMs: number | null;
  readonly steps: number;
}

/** What is left to timers: 3 % of the budget, 10 ms at least and 60 at most. */
const timerOf = (budgetMs: number): number => Math.max(10, Math.min(0.03 * budgetMs, 60));

/** Runs a race as the edge worker does: asks what to do whenever something has happened. */
function run(given: Race, fate: Fate): Ran {
  let now = given.sentMs;
  let state = given;
  let localEndsMs = Number.POSITIVE_INFINITY;
  let exit: string | null = null;
  let startedMs: number | null = null;
  let left = fate.failures;
  for (let steps = 1; steps < 50; steps++) {
    const step = nextStep(state, now);
    if (step.kind === "answer") {
      return { by: step.by, exit: step.by === "edge" ? exit : null, endMs: now, startedMs, steps };
    }
    if (step.kind === "give-up") return { by: null, exit: null, endMs: now, startedMs, steps };
    if (step.kind === "finish") {
      exit = step.exit;
      startedMs ??= now;
      const point = given.finish.find((one) => one.exit === exit)!;
      localEndsMs = now + point.latestMs * fate.slowness;
      state = { ...state, local: { ...state.local, exit, state: "running" } };
      continue;
    }
    const isReplied = fate.repliesMs > now && state.reply === "under way";
    const isFailing = fate.failsMs > now && state.reply === "under way";
    const reply = isReplied ? fate.repliesMs : Number.POSITIVE_INFINITY;
    const failure = isFailing ? fate.failsMs : Number.POSITIVE_INFINITY;
    const timer = step.untilMs + fate.timerMs;
    const next = Math.min(timer, reply, failure, localEndsMs);
    // Not before it is needed, as there are very many steps; written so that a NaN fails.
    if (!(next < Number.POSITIVE_INFINITY)) expect.fail(`something to wait for, got ${next}`);
    if (!(next >= now)) expect.fail(`expected ${now} or later, got ${next}`);
    now = next;
    if (now === localEndsMs) {
      const isDone = left-- <= 0;
      const failures = state.local.failures + (isDone ? 0 : 1);
      state = { ...state, local: { ...state.local, state: isDone ? "done" : "idle", failures } };
      localEndsMs = Number.POSITIVE_INFINITY;
    } else if (now === reply) state = { ...state, reply: "there" };
    else if (now === failure) state = { ...state, reply: "failed" };
  }
  throw new Error("the race does not end");
}

const NEVER = Number.POSITIVE_INFINITY;
const calm: Fate = { repliesMs: NEVER, failsMs: NEVER, slowness: 1, failures: 0, timerMs: 0 };

/** All that can be: what is known, in every combination, and what happens, in every order. */
function* everything(): Generator<readonly [Race, Fate]> {
  const finishes = [EXITS, EXITS.slice(0, 1), [], [asked("exit1"), ...EXITS.slice(1)], [asked("exit2")]];
  for (const budgetMs of [60, 150, 300, 20_000])
    for (const insurance of ["exit1", "exit2", "exit3", null])
      for (const finish of finishes)
        for (const expected of [race.expected, { remoteMs: 400, sdMs: 50 }, { remoteMs: 10, sdMs: 0 }])
          for (const isPreparing of [false, true])
            for (const atMs of [41, 90, 130, 179, 230, 299, 350, 9000, NEVER])
              for (const isFailure of atMs === NEVER ? [false] : [false, true])
                for (const slowness of [0.5, 1, 4])
                  for (const failures of [0, 1, 2])
                    for (const timerMs of [0, 10]) {
                      const known = { ...race, budgetMs, insurance, finish, expected, isPreparing };
                      const [repliesMs, failsMs] = isFailure ? [NEVER, atMs] : [atMs, NEVER];
                      yield [known, { repliesMs, failsMs, slowness, failures, timerMs }];
                    }
}

test("in every order of what can happen the race ends as it must", () => {
  const counts = { cloud: 0, edge: 0, nobody: 0, late: 0 };
  for (const [known, fate] of everything()) {
    const { budgetMs, finish, sentMs, insurance } = known;
    const { by, exit, endMs, startedMs, steps } = run(known, fate);
    const ends = Math.min(budgetMs, DEAD_LINK_MS);
    const timer = timerOf(budgetMs);
    // Not before it is needed: there are very many cases.
    const fail = (): never => expect.fail(JSON.stringify([known, fate, steps]));
    if (steps >= 12) fail();
    counts[by ?? "nobody"]++;
    // A reply that comes in time to be handed over by the budget is the answer, at once.
    const isReplied = fate.repliesMs <= ends - timer;
    if (isReplied && (by !== "cloud" || endMs !== fate.repliesMs)) fail();
    if (by === "cloud" && endMs !== fate.repliesMs) fail();
    // Who works before the reply was late, or had failed, does so for an insurance that would else be too late.
    const point = finish.find((one) => one.exit === exit);
    if (startedMs !== null && by === "edge" && fate.failsMs > startedMs && point!.exit === insurance) {
      const latestMs = point!.latestMs + timer;
      if (startedMs < ends - latestMs - 1e-9 && startedMs > sentMs) fail();
    }
    // What can be finished in time is in time, timers that are late and one failure of a fast exit included.
    const canInTime = finish.some(({ latestMs }) => sentMs + latestMs + timer <= budgetMs);
    if (canInTime && fate.failures === 0 && fate.slowness <= 1) {
      if (by === null) fail();
      if (endMs > ends - timer + fate.timerMs) fail();
    }
    // Where anybody can answer, somebody does.
    if (by === null && fate.failures < 2 && finish.length > 0) fail();
    if (by === null && fate.repliesMs <= DEAD_LINK_MS) fail();
    if (endMs > budgetMs + 10) counts.late++;
  }
  for (const [kind, count] of Object.entries(counts)) expect(count, kind).toBeGreaterThan(500);
});

test("an insurance starts so that it ends by the budget, timers being late", () => {
  expect(nextStep(race, 40)).toEqual({ kind: "wait", untilMs: 300 - 72 - 10 });
  expect(nextStep(race, 218)).toEqual({ kind: "finish", exit: "exit2" });
  expect(run(race, { ...calm, timerMs: 10 })).toMatchObject({ by: "edge", exit: "exit2", endMs: 300 });
  // The answer that is there early waits for a better one until it has to be handed over, no longer.
  const quick = { ...calm, slowness: 0.5 };
  expect(run(race, quick)).toMatchObject({ by: "edge", exit: "exit2", endMs: 290 });
  expect(run(race, { ...quick, repliesMs: 289 })).toMatchObject({ by: "cloud", endMs: 289 });
  expect(run(race, { ...quick, repliesMs: 301 })).toMatchObject({ by: "edge", endMs: 290 });
  expect(run(race, { ...quick, failsMs: 270 })).toMatchObject({ by: "edge", endMs: 270 });
});

test("a head that ran late leaves the insurance what time there is, or a smaller one", () => {
  expect(nextStep({ ...race, sentMs: 235 }, 235)).toEqual({ kind: "finish", exit: "exit2" });
  expect(nextStep({ ...race, sentMs: 250 }, 250)).toEqual({ kind: "wait", untilMs: 300 - 24 - 10 });
  // None can be in time: the reply has until it is late.
  const late = { ...race, sentMs: 290, expected: { remoteMs: 20, sdMs: 0 } };
  expect(nextStep(late, 290)).toEqual({ kind: "wait", untilMs: 310 });
  expect(nextStep(late, 310)).toEqual({ kind: "finish", exit: "exit1" });
});

test("without an insurance the edge finishes at the best exit that leaves the reply its time", () => {
  const plain = { ...race, insurance: null };
  expect(nextStep(plain, 40)).toEqual({ kind: "wait", untilMs: 300 - 72 - 10 });
  const roomy = { ...plain, budgetMs: 400 };
  expect(nextStep(roomy, 40)).toEqual({ kind: "wait", untilMs: 400 - 180 - 12 });
  // None does: the one that takes least may still be in time.
  const tight = { ...plain, budgetMs: 150 };
  expect(nextStep(tight, 40)).toEqual({ kind: "wait", untilMs: 150 - 24 - 10 });
});

test("when the reply has failed the edge finishes at once, at the best exit that is in time", () => {
  const failed = { ...race, reply: "failed" } as const;
  expect(nextStep(failed, 60)).toEqual({ kind: "finish", exit: "exit3" });
  expect(nextStep(failed, 180)).toEqual({ kind: "finish", exit: "exit2" });
  expect(nextStep(failed, 299)).toEqual({ kind: "finish", exit: "exit1" });
  expect(nextStep({ ...failed, finish: [] }, 60)).toEqual({ kind: "give-up" });
  expect(nextStep({ ...failed, finish: [], isPreparing: true }, 60)).toMatchObject({ kind: "wait" });
});

test("an early exit that was asked is the answer when nothing better can be", () => {
  const finish = [asked("exit1")];
  const known = { ...race, finish, insurance: "exit1" };
  expect(run(known, calm)).toMatchObject({ by: "edge", exit: "exit1", endMs: 290 });
  expect(run(known, { ...calm, failsMs: 100 })).toMatchObject({ by: "edge", exit: "exit1", endMs: 100 });
  // A better one that is in time is finished instead, once the cloud has failed.
  const more = { ...known, finish: [...finish, ...EXITS.slice(1)] };
  expect(run(more, { ...calm, failsMs: 100 })).toMatchObject({ exit: "exit3", endMs: 280 });
  expect(run(more, { ...calm, failsMs: 288 })).toMatchObject({ exit: "exit1", endMs: 288 });
});

test("where the soonest answer of an accuracy is wanted, the edge begins when the reply is late, and who is first answers", () => {
  const soon: Race = { ...race, budgetMs: 1000, insurance: null, soonest: "exit3" };
  // Late at 100 ms and 1.645 deviations.
  expect(nextStep(soon, 40)).toEqual({ kind: "wait", untilMs: 40 + 100 + 1.645 * 10 });
  const ran = run(soon, calm);
  expect(ran).toMatchObject({ by: "edge", exit: "exit3" });
  expect(ran.endMs).toBeCloseTo(156.45 + 180, 6);
  expect(run(soon, { ...calm, repliesMs: 200 })).toMatchObject({ by: "cloud", endMs: 200 });
  expect(run(soon, { ...calm, repliesMs: 150 })).toMatchObject({ by: "cloud", startedMs: null });
  // Another exit is worth less than the reply: that is waited for.
  const lesser = run({ ...soon, finish: EXITS.slice(0, 2) }, { ...calm, repliesMs: 700 });
  expect(lesser).toMatchObject({ by: "cloud", endMs: 700 });
});

test("where an engine at work lets no reply in, the edge begins at the soonest answer's exit when waiting would take longer", () => {
  const soon: Race = {
    ...race,
    budgetMs: 100,
    insurance: null,
    soonest: "exit3",
    blocks: true,
    patienceMs: 230,
  };
  // Whatever the budget.
  expect(nextStep(soon, 40)).toEqual({ kind: "wait", untilMs: 40 + 230 });
  expect(run(soon, { ...calm, repliesMs: 269 })).toMatchObject({ by: "cloud", startedMs: null });
  expect(run(soon, calm)).toMatchObject({ by: "edge", exit: "exit3", startedMs: 270 });
  expect(run(soon, { ...calm, failsMs: 90 })).toMatchObject({ by: "edge", exit: "exit3", startedMs: 90 });
});

test("where an engine at work lets no reply in, one that cannot be in time is not begun before the budget has ended", () => {
  const hopeless: Race = { ...race, budgetMs: 200, insurance: null, finish: EXITS.slice(2), sentMs: 60 };
  expect(run(hopeless, { ...calm, repliesMs: 190 }).startedMs).toBeLessThan(190);
  const blocked = { ...hopeless, blocks: true };
  expect(run(blocked, { ...calm, repliesMs: 190 })).toMatchObject({
    by: "cloud",
    endMs: 190,
    startedMs: null,
  });
  expect(run(blocked, calm)).toMatchObject({ by: "edge", exit: "exit3", startedMs: 200 });
});

test("where frames overlap the edge finishes as late and as briefly as it can, but for an insurance", () => {
  const frames: Race = { ...race, budgetMs: 400, insurance: null, overlaps: true };
  expect(nextStep(frames, 40)).toEqual({ kind: "wait", untilMs: 400 - 24 - 12 });
  expect(nextStep({ ...frames, soonest: "exit3" }, 40)).toEqual({ kind: "wait", untilMs: 400 - 24 - 12 });
  expect(run(frames, calm)).toMatchObject({ by: "edge", exit: "exit1" });
  expect(nextStep({ ...frames, insurance: "exit2" }, 40)).toEqual({ kind: "wait", untilMs: 400 - 72 - 12 });
});

test("a dead link is given up after ten seconds, however long the budget, but for a plan insisted on", () => {
  const long = { ...race, budgetMs: 60_000 };
  expect(run(long, calm)).toMatchObject({ by: "edge", exit: "exit2", endMs: DEAD_LINK_MS - 60 });
  const slow = { ...long, expected: { remoteMs: 20_000, sdMs: 0 } };
  expect(run(slow, calm).endMs).toBe(20_040 - 60);
  const insisted = { ...race, expected: null, insurance: null };
  expect(run(insisted, { ...calm, repliesMs: 9000 })).toMatchObject({ by: "cloud", endMs: 9000 });
  expect(run(insisted, calm)).toMatchObject({ by: "edge" });
  expect(run({ ...long, finish: [] }, calm)).toMatchObject({ by: null, endMs: DEAD_LINK_MS + 40 });
});

test("an engine that fails at finishing is followed by another, once", () => {
  expect(run(race, { ...calm, slowness: 0.2, failures: 1 })).toMatchObject({ by: "edge", exit: "exit2" });
  const dead = run(race, { ...calm, slowness: 0.2, failures: 2 });
  expect(dead).toMatchObject({ by: null, endMs: DEAD_LINK_MS + 40 });
  const reply = { ...calm, slowness: 0.2, failures: 2, repliesMs: 4000 };
  expect(run(race, reply)).toMatchObject({ by: "cloud", endMs: 4000 });
});

test("a reply is worth its while until the end, or until the edge could answer; where it cannot, as long as the link may live", () => {
  // In time.
  expect(worthMs(race, 40)).toBe(dueMs(race) - 40);
  // The budget is over: the edge would take 20 ms more.
  expect(worthMs(race, 320)).toBe(20);
  expect(worthMs({ ...race, finish: EXITS.slice(2) }, 320)).toBe(150);
  // An answer is there.
  expect(worthMs({ ...race, finish: [asked("exit1")] }, 320)).toBe(1);
  // Nothing is: no weights have come yet, or nobody knows what it takes.
  const unknown = { exit: "exit1", finishMs: Number.POSITIVE_INFINITY, latestMs: Number.POSITIVE_INFINITY };
  for (const finish of [[], [unknown]]) expect(worthMs({ ...race, finish }, 320)).toBe(DEAD_LINK_MS);
});
