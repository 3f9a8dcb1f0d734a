import { expect, test } from "@playwright/test";
import { Service } from "../apps/lab/demo/service.ts";
import { openApp, type PlainAnswer } from "./harness/app.ts";
import { loadModel, noise, REAL, SLOW_PHONE } from "./harness/models.ts";

const model = loadModel(REAL);
const image = noise(model, 4);

test("a killed service costs accuracy, never an answer, and is used again when it comes back", async () => {
  const service = await Service.start();
  const app = await openApp({ url: service.url, parameters: { model: REAL, slowdown: SLOW_PHONE } });
  const answer = (): Promise<PlainAnswer> => app.answerNoise(image);
  try {
    // The first exit's weights are there.
    await app.settle();
    expect((await answer()).source).toBe("cloud");

    const during = answer();
    await service.kill();
    expect((await during).scores).toHaveLength(model.metadata.labels.length);
    for (let photo = 0; photo < 8; photo++) {
      const { source, scores } = await answer();
      expect(["edge", "fallback"]).toContain(source);
      expect(scores).toHaveLength(model.metadata.labels.length);
    }

    await service.start();
    await expect.poll(async () => (await answer()).source, { timeout: 60_000 }).toBe("cloud");
  } finally {
    await app.close();
    await service.stop();
  }
});
