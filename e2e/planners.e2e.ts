import { expect } from "@playwright/test";
import { allEdge } from "#shared/model";
import { openApp } from "./harness/app.ts";
import { loadModel, noise, TINY } from "./harness/models.ts";
import { test } from "./harness/test.ts";

test("?planner=NAME: the policy plans in EDDI's stead, live", async ({ service }) => {
  const model = loadModel(TINY);
  const last = model.metadata.exits.at(-1)!.id;
  const image = noise(model, 2);
  const input = model.nodes[0]!.name;
  const plans = {
    "edge-only-last": { source: "edge", plan: { exit: last, head: allEdge(model, last).head } },
    "cloud-raw": { source: "cloud", cut: [input], codecs: { [input]: { codec: "uint8", deflate: false } } },
  } as const;
  for (const [planner, expected] of Object.entries(plans)) {
    const parameters = { model: TINY, backend: "wasm", profile: "off", planner, budget: "5000" };
    const app = await openApp({ url: service.url, parameters });
    try {
      await app.settle();
      expect(await app.answerNoise(image), planner).toMatchObject(expected);
    } finally {
      await app.close();
    }
  }
});
