import { type BrowserContext, expect } from "@playwright/test";
import { allCloud, allEdge, type Plan, shardsFor, splitPlan } from "#shared/model";
import { openApp } from "./harness/app.ts";
import { allPlans, loadModel, noise, REAL } from "./harness/models.ts";
import { test } from "./harness/test.ts";

const SHARDS = /\/models\/.*\.bin/;

const model = loadModel(REAL);
const image = noise(model, 5);
const first = model.metadata.exits[0]!.id;
const last = model.metadata.exits.at(-1)!.id;

test("before the weights have arrived, the cloud answers the first photo", async ({ service }) => {
  let arrive = (): void => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const app = await openApp({
    url: service.url,
    parameters: { model: REAL },
    wait: false,
    before: async ({ context }) => {
      await context.route(SHARDS, async (route) => {
        await arrived;
        await route.continue();
      });
    },
  });
  try {
    const answer = await app.answerNoise(image);
    expect(answer).toMatchObject({ source: "cloud", cut: [model.metadata.input.node] });
    arrive();
    const local = await app.answerNoise(image, { plan: allEdge(model, first) });
    expect(local.source).toBe("edge");
  } finally {
    await app.close();
  }
});

test("only the shards that plan and fallback need are fetched", async ({ service }) => {
  let fetched: () => Promise<number> = async () => 0;
  // So slow a phone that the optimizer wants nothing on the edge.
  const app = await openApp({
    url: service.url,
    parameters: { model: REAL, slowdown: 200 },
    before: async ({ context }) => {
      fetched = countShardBytes(context);
    },
  });
  const answerBy = async (plan: Plan): Promise<void> => {
    await app.answerNoise(image, { plan });
  };
  try {
    const fallback = allEdge(model, first);
    await answerBy(allCloud(model, last));
    await expect.poll(fetched, "the first exit").toBe(shardBytes(fallback));

    const deeper = firstNeedingMore(fallback);
    await answerBy(deeper);
    expect(await fetched(), "a cut behind the first exit").toBe(shardBytes(fallback, deeper));
    expect(await fetched()).toBeLessThan(shardBytes(allEdge(model, last)));

    await answerBy(allEdge(model, last));
    const all = shardBytes(...model.metadata.exits.map(({ id }) => allEdge(model, id)));
    expect(await fetched(), "everything for the last exit").toBe(
      shardBytes(fallback, deeper, allEdge(model, last)),
    );
    expect(await fetched()).toBeLessThanOrEqual(all);
  } finally {
    await app.close();
  }
});

/** The smallest head of the last exit that has a tail and needs shards which the fallback lacks. */
function firstNeedingMore(fallback: Plan): Plan {
  const plans = allPlans(model, last).sort((a, b) => a.head.length - b.head.length);
  return plans.find((plan) => {
    return splitPlan(model, plan).tail !== null && shardBytes(fallback, plan) > shardBytes(fallback);
  })!;
}

/** Bytes of all the shards that these plans' heads need, each once. */
function shardBytes(...plans: readonly Plan[]): number {
  const names = plans.flatMap(({ head }) => head);
  return shardsFor(model, names).reduce((total, { bytes }) => total + bytes, 0);
}

/** Counts what the service sends as weights; what comes from the browser's cache does not count. */
function countShardBytes(context: BrowserContext): () => Promise<number> {
  const bodies: Promise<number>[] = [];
  context.on("response", (response) => {
    if (!SHARDS.test(response.url())) return;
    bodies.push(response.body().then((body) => body.length));
  });
  return async () => (await Promise.all(bodies)).reduce((total, bytes) => total + bytes, 0);
}
