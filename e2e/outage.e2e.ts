import { expect } from "@playwright/test";
import { formatPercent } from "../apps/web/page/words/format.ts";
import { type App, openApp, type PlainAnswer } from "./harness/app.ts";
import { loadModel, noise, REAL, SLOW_PHONE } from "./harness/models.ts";
import { startService } from "./harness/service.ts";
import { test } from "./harness/test.ts";

const model = loadModel(REAL);
const image = noise(model, 4);

test("a killed service costs accuracy, never an answer, and is used again when it comes back", async () => {
  const service = await startService();
  const app = await openApp({ url: service.url, parameters: { model: REAL, slowdown: SLOW_PHONE } });
  const answer = (): Promise<PlainAnswer> => app.answerNoise(image);
  try {
    // The first exit's weights are there.
    await app.settle();
    expect((await answer()).source).toBe("cloud");

    const during = answer();
    await service.kill();
    expect((await during).scores).toHaveLength(model.metadata.labels.length);
    await expectShown(app, await during);
    for (let photo = 0; photo < 8; photo++) {
      const { source, scores } = await answer();
      expect(["edge", "fallback"]).toContain(source);
      expect(scores).toHaveLength(model.metadata.labels.length);
    }
    await expectShown(app, await answer());

    await service.start();
    await expect.poll(async () => (await answer()).source).toBe("cloud");
    await expectShown(app, await answer());
  } finally {
    await app.close();
    await service.stop();
  }
});

/** The page shows what ran, where it did, as the answer tells it. */
async function expectShown({ page }: App, answer: PlainAnswer): Promise<void> {
  const { source, exit, here, there, prediction, requestBytes } = answer;
  expect(there.length > 0, source).toBe(source === "cloud");
  expect(requestBytes > 0, source).toBe(source !== "edge");
  const title = `${here.length} nodes on the edge, ${there.length} in the cloud, up to exit ${exit}`;
  await expect(page.locator(".places")).toHaveText(title);
  const words = { edge: "all on this device", cloud: "sent", fallback: "finished on this device" }[source];
  await expect(page.locator(".chip")).toContainText(words);
  await expect(page.locator(".answer .share")).toHaveText(formatPercent(answer.confidence));
  if (source === "fallback") {
    expect(prediction).toBeNull();
    await expect(page.locator(".why")).toContainText("The cloud did not answer in time");
    await expect(page.locator(".time")).not.toContainText("expected");
  }
}
