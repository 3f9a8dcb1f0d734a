import { expect } from "@playwright/test";
import { ShapingProxy } from "../apps/lab/rig/shaping-proxy.ts";
import { type App, openApp, type PlainAnswer } from "./harness/app.ts";
import { loadModel, noise, REAL, SLOW_PHONE } from "./harness/models.ts";
import { type Service, startService } from "./harness/service.ts";
import { test } from "./harness/test.ts";

const model = loadModel(REAL);
const image = noise(model, 5);
const LINK = { rttMs: 40, uplink: 2e6, downlink: 8e6 } as const;
/** The link falls silent so long after an answer was asked for, in turn: before, in and behind all its stages. */
const POINTS = 50;
const STEP_MS = 12;

let service: Service;
let proxy: ShapingProxy;
let app: App;
test.beforeAll(async () => {
  service = await startService();
  proxy = await ShapingProxy.start({ host: "127.0.0.1", port: service.port }, LINK);
  app = await openApp({
    url: `http://localhost:${proxy.port}`,
    // So slow that its own early exits are no match for the cloud: else nothing is sent that could stall.
    parameters: { model: REAL, slowdown: 2 * SLOW_PHONE, budget: 1000 },
  });
  await app.settle();
});
test.afterAll(async () => {
  await app?.close();
  await proxy?.close();
  await service?.stop();
});

interface Told {
  readonly answer: PlainAnswer;
  /** By so much timers of this machine were late meanwhile, at most: it may be busy with other things. */
  readonly timersLateMs: number;
  readonly provisional: readonly { readonly exit: string; readonly by: string; readonly elapsedMs: number }[];
}

const ask = (budgetMs: number): Promise<Told> =>
  app.page.evaluate(
    async ([{ seed, count, range }, budget]) => {
      const random = globalThis.makeRandom(seed);
      const values = Float32Array.from({ length: count }, () => range[0] + (range[1] - range[0]) * random());
      const provisional: { exit: string; by: string; elapsedMs: number }[] = [];
      let timersLateMs = 0;
      let beforeMs = performance.now();
      const timer = setInterval(() => {
        timersLateMs = Math.max(timersLateMs, performance.now() - beforeMs - 10);
        beforeMs = performance.now();
      }, 10);
      const answer = await globalThis.eddi.answer(new Float32Array(values), {
        budgetMs: budget,
        onProvisional: ({ exit, by, elapsedMs }) => provisional.push({ exit, by, elapsedMs }),
      });
      clearInterval(timer);
      return { answer: { ...answer, scores: [...answer.scores] }, provisional, timersLateMs };
    },
    [image, budgetMs] as const,
  );

test("a link that stalls at any point of an answer costs accuracy, never the budget", async () => {
  const budgetMs = 2000;
  const late: string[] = [];
  const sources = new Set<string>();
  let inTime = 0;
  let slow = 0;
  for (let point = 0; point < POINTS; point++) {
    const { finish } = (await app.state()).summary!;
    const asked = ask(budgetMs);
    const stalling = setTimeout(() => proxy.stall(), STEP_MS * point);
    const { answer, provisional, timersLateMs } = await asked;
    // An answer may be there before it: then nothing stalls, and nothing is to stall behind it.
    clearTimeout(stalling);
    proxy.resume();
    sources.add(answer.source);
    // A machine that is busy with other things takes longer than it was measured to: that is not the link's doing.
    const isSlow = answer.stages.finishMs > finish.find(({ exit }) => exit === answer.exit)!.latestMs;
    if (isSlow) slow++;
    if (isSlow || answer.totalMs <= budgetMs + timersLateMs) inTime++;
    else
      late.push(
        JSON.stringify([
          point,
          answer.totalMs,
          timersLateMs,
          answer.exit,
          answer.source,
          answer.codecs,
          answer.stages,
        ]),
      );
    expect(answer.scores).toHaveLength(model.metadata.labels.length);
    if (answer.source === "fallback" && answer.asked.length === 0)
      expect(provisional.length).toBeGreaterThan(0);
    for (const one of provisional) expect(one.elapsedMs).toBeLessThanOrEqual(answer.totalMs);
    // So that the next answer asks the cloud again, as if nothing had been.
    await expect.poll(async () => (await app.state()).summary?.cloud, { timeout: 60_000 }).toBe("up");
  }
  expect(inTime, `late: ${late}`).toBeGreaterThanOrEqual(POINTS - 1);
  expect(slow).toBeLessThan(POINTS / 2);
  expect(sources.size, [...sources].join()).toBeGreaterThan(1);
});
