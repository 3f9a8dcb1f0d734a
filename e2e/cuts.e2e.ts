import { expect } from "@playwright/test";
import { allEdge, type Model, type Plan, splitPlan } from "#shared/model";
import { findPhotos, listSamples } from "../apps/lab/demo/photos.ts";
import { SOFTWARE_WEBGPU } from "../apps/lab/rig/phone.ts";
import { type App, expectClose, openApp, type PlainAnswer, top1 } from "./harness/app.ts";
import { allPlans, loadModel, noise, REAL, spread, TINY } from "./harness/models.ts";
import { type Service, startService } from "./harness/service.ts";
import { test } from "./harness/test.ts";

const TOLERANCE = 1e-4;
const CUTS = 10;
const PHOTOS = 50;
const AGREEMENT = 0.98;

let service: Service;
test.beforeAll(async () => {
  const data = await findPhotos();
  service = await startService(data === null ? [] : ["--data", data]);
});
test.afterAll(() => service.stop());

test("tiny, WebGPU: head and tail agree with the whole model at every cut of every exit", async () => {
  const model = loadModel(TINY);
  const image = noise(model, 1);
  const app = await openApp({
    url: service.url,
    parameters: { model: TINY, backend: "webgpu", profile: "off" },
    isShown: false,
    flags: SOFTWARE_WEBGPU,
  });
  try {
    await app.settle();
    const { engine } = await app.state();
    expect(engine?.backend, JSON.stringify(engine?.tried)).toBe("webgpu");
    for (const { id } of model.metadata.exits) {
      await expectAgreement(model, allPlans(model, id), (plan) =>
        app.answerNoise(image, { plan, codec: "float32" }),
      );
    }
  } finally {
    await app.close();
  }
});

test.describe("real model, WASM", () => {
  let app: App;
  test.beforeAll(async () => {
    app = await openApp({
      url: service.url,
      parameters: { model: REAL, backend: "wasm", profile: "off" },
      isShown: false,
    });
  });
  test.afterAll(() => app.close());

  test(`head and tail agree with the whole model at ${CUTS} cuts spread over the depth`, async () => {
    const model = loadModel(REAL);
    await app.settle();
    expect((await app.state()).engine?.backend).toBe("wasm");
    const image = noise(model, 2);
    await expectAgreement(model, cutsOverTheDepth(model), (plan) =>
      app.answerNoise(image, { plan, codec: "float32" }),
    );
  });

  test(`uint8 cuts keep the top-1 class on ${AGREEMENT * 100} % of ${PHOTOS} validation photos`, async () => {
    const photos = await listSamples(service.url, PHOTOS);
    test.skip(photos.length < PHOTOS, "no data set found: name one with EDDI_DATA");
    const model = loadModel(REAL);
    const cuts = cutsOverTheDepth(model);
    const agreed = cuts.map(() => 0);
    const whole = allEdge(model, cuts[0]!.exit);
    const asked = [{ plan: whole }, ...cuts.map((plan) => ({ plan, codec: "uint8" as const }))];
    for (const { url } of photos) {
      const [onEdge, ...answers] = await app.answerAll(url, asked);
      const expected = top1(onEdge!.scores);
      for (const [at, answer] of answers.entries()) {
        expect(answer.source).toBe("cloud");
        if (top1(answer.scores) === expected) agreed[at]! += 1;
      }
    }
    for (const [at, plan] of cuts.entries()) {
      const cut = splitPlan(model, plan).cut.join(", ");
      expect(agreed[at]! / photos.length, `cut at ${cut}`).toBeGreaterThanOrEqual(AGREEMENT);
    }
  });
});

/** Plans of the last exit that send something, from the image itself to the last tensor before the exit. */
function cutsOverTheDepth(model: Model): Plan[] {
  const sending = allPlans(model, model.metadata.exits.at(-1)!.id).filter(
    (plan) => splitPlan(model, plan).tail !== null,
  );
  return spread(
    sending.sort((a, b) => a.head.length - b.head.length),
    CUTS,
  );
}

/** Runs all on the edge, then by these plans of the same exit: the scores are to be the same. */
async function expectAgreement(
  model: Model,
  plans: readonly Plan[],
  run: (plan: Plan) => Promise<PlainAnswer>,
): Promise<void> {
  const whole = await run(allEdge(model, plans[0]!.exit));
  expect(whole.source).toBe("edge");
  for (const plan of plans) {
    const { cut } = splitPlan(model, plan);
    await test.step(`${plan.exit}, cut at ${cut.join(", ") || "nothing"}`, async () => {
      const answer = await run(plan);
      expect(answer).toMatchObject({ exit: plan.exit, cut, source: cut.length > 0 ? "cloud" : "edge" });
      expectClose(answer.scores, whole.scores, TOLERANCE);
    });
  }
}
