import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "@playwright/test";
import sharp from "sharp";
import { allCloud, allEdge, type Plan, splitPlan } from "#shared/model";
import { classifier, floats, graphFiles, quantised, writeFiles } from "../apps/lab/import/fixture.ts";
import { ROOT } from "../apps/lab/rig/service.ts";
import { type App, expectClose, openApp } from "./harness/app.ts";
import { allPlans, loadModel, noise, spread } from "./harness/models.ts";
import { type Service, startService } from "./harness/service.ts";
import { test } from "./harness/test.ts";

const TOLERANCE = 1e-4;
/** Models of other people's kinds: a published graph, Teachable Machine's nested Sequential, Keras 3's JSON. */
const ELSEWHERE = {
  emotion: "tfjs-models/human-emotion-graph",
  teachable: "cases/imports/lm-teachable",
  keras3: "cases/imports/lm-keras3-dtypepolicy",
} as const;
const DATA = join(ROOT, "../shared/data");
/** Many classes, with names that are long, and some that are the same. */
const CLASSES = 1001;

let scratch: string;
test.beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "eddi-import-"));
});
test.afterAll(() => rm(scratch, { recursive: true, force: true }));

test("a foreign model of grey images and many classes, imported, answers alike at every cut", async () => {
  const model = classifier([-1, 24, 24, 1]);
  const constants = model.constants.map((constant) => {
    if (constant.name === "dense/w") return quantised(floats("dense/w", [8, CLASSES]));
    if (constant.name === "dense/b") return floats("dense/b", [CLASSES]);
    return constant.name === "b/w" ? quantised(constant) : constant;
  });
  const foreign = await writeFiles(join(scratch, "foreign"), graphFiles({ ...model, constants }));
  const labels = join(scratch, "labels.txt");
  const names = Array.from(
    { length: CLASSES },
    (_, at) => `the ${at % 999}th of many animals, Animal animalis`,
  );
  await writeFile(labels, names.join("\n"));
  await importModel(foreign, "foreign", "--labels", labels, "--range", "-1,1");
  await withPage("foreign", async (app, service) => {
    const { metadata, version } = loadModel("foreign", join(scratch, "models"));
    expect(metadata.labels).toHaveLength(CLASSES);
    const described = await (await fetch(`${service.url}/v2/models/foreign`)).json();
    expect(described).toMatchObject({
      versions: [version],
      inputs: [{ name: "input", datatype: "FP32", shape: [-1, 24, 24, 1] }],
      outputs: [{ name: "full", datatype: "FP32", shape: [-1, CLASSES] }],
    });
    expect(await expectAgreement(app, "foreign", Number.POSITIVE_INFINITY)).toBeGreaterThan(5);

    const { page } = app;
    await expect(page.getByRole("status")).toContainText("of many animals");
    await expect(page.locator(".chip")).toContainText("the whole model");
    await expect(page.locator(".top-labels")).toContainText("Animal animalis");
    await expect(page.locator(".top-labels li")).toHaveCount(5);
    await page.setViewportSize({ width: 320, height: 732 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
    // Without a plan given, the Optimizer's: there is one.
    const { summary } = await app.state();
    expect(summary?.plan?.exit).toBe("full");
  });
});

for (const [id, place] of Object.entries(ELSEWHERE)) {
  test(`a model from elsewhere, ${id}, imported, answers alike at cuts over its depth`, async () => {
    const folder = join(DATA, place);
    test.skip(!existsSync(folder), `${folder} is not there`);
    await importModel(folder, id);
    await withPage(id, async (app) => expect(await expectAgreement(app, id, 8)).toBeGreaterThan(1));
  });
}

/** Runs `lab import`, without photos wherever it runs. */
async function importModel(place: string, id: string, ...options: readonly string[]): Promise<void> {
  const out = ["--id", id, "--out", join(scratch, "models", id), "--repeats", "1"];
  const args = ["--import", "tsx", "apps/lab/main.ts", "import", place, ...out, ...options];
  const env = { ...process.env, XDG_CACHE_HOME: scratch, EDDI_DATA: "" };
  await promisify(execFile)(process.execPath, args, { cwd: ROOT, env });
}

async function withPage(model: string, use: (app: App, service: Service) => Promise<unknown>): Promise<void> {
  const service = await startService(["--models", join(scratch, "models")]);
  try {
    const app = await openApp({ url: service.url, parameters: { model, backend: "wasm", profile: "off" } });
    try {
      await app.settle();
      await use(app, service);
    } finally {
      await app.close();
    }
  } finally {
    await service.stop();
  }
}

/**
 * Splits give what the whole model gives on the edge: of noise, and of a photo that is sent as the page made it.
 *
 * @returns how many plans there are
 */
async function expectAgreement(app: App, id: string, most: number): Promise<number> {
  const model = loadModel(id, join(scratch, "models"));
  const exit = model.metadata.exits.at(-1)!.id;
  const sending = allPlans(model, exit).filter((plan) => splitPlan(model, plan).tail !== null);
  const plans = spread(sending, Math.min(most, sending.length));
  const image = noise(model, 3);
  const run = (plan: Plan) => app.answerNoise(image, { plan, codec: "float32" });
  const whole = await run(allEdge(model, exit));
  expect(whole.source).toBe("edge");
  for (const plan of plans) {
    const { cut } = splitPlan(model, plan);
    await test.step(`cut at ${cut.join(", ")}`, async () => {
      const answer = await run(plan);
      expect(answer).toMatchObject({ exit, cut, source: "cloud" });
      expectClose(answer.scores, whole.scores, TOLERANCE);
    });
  }
  const noisy = { type: "gaussian", mean: 128, sigma: 40 } as const;
  const photo = sharp({ create: { width: 320, height: 240, channels: 3, background: "#a63", noise: noisy } });
  const file = await photo.png().toBuffer();
  const here = await app.answer(file, { plan: allEdge(model, exit) });
  const there = await app.answer(file, { plan: allCloud(model, exit), codec: "float32" });
  expect([here.source, there.source]).toEqual(["edge", "cloud"]);
  expectClose(there.scores, here.scores, TOLERANCE);
  return plans.length;
}
