import { expect } from "@playwright/test";
import { ShapingProxy } from "../apps/lab/rig/shaping-proxy.ts";
import { openApp } from "./harness/app.ts";
import { loadModel, noise, REAL } from "./harness/models.ts";
import { test } from "./harness/test.ts";

/**
 * A phone on which half of the model takes longer than a round trip, and a link on which the image takes longer still:
 * the neck is best on machines from two thirds to two and a half times as slow as the profiled one.
 */
const SLOWDOWN = 10;
const LINK = { rttMs: 10, uplink: 0.04e6, downlink: 4e6 } as const;

test("on a slow link the page cuts where a codec was fitted, and sends the tensor by it, without being told", async ({
  service,
}) => {
  const proxy = await ShapingProxy.start(
    { host: "127.0.0.1", port: service.port },
    { rttMs: 0, uplink: 100e6, downlink: 100e6 },
  );
  const app = await openApp({
    url: `http://localhost:${proxy.port}`,
    parameters: { model: REAL, backend: "wasm", slowdown: SLOWDOWN, early: "off", profile: "off" },
  });
  try {
    await app.settle();
    const model = loadModel(REAL);
    const fitted = model.metadata.fitted!;
    proxy.shape(LINK);
    // It learns of the link by what it sends, or by a probe.
    await expect
      .poll(
        async () => {
          const { source, cut, codecs } = await app.answerNoise(noise(model, 11), { budgetMs: 4000 });
          return { source, cut, codec: codecs[cut[0]!]?.codec };
        },
        { timeout: 60_000 },
      )
      .toEqual({ source: "cloud", cut: ["neck"], codec: "linear" });
    const answer = await app.answerNoise(noise(model, 11), { budgetMs: 4000 });
    expect(answer.codecs).toEqual(answer.plan.codecs);
    const { quality } = answer.codecs.neck!;
    const { loss } = fitted.neck!.rates[quality! - 1]!;
    expect(loss[answer.exit]).toBeLessThanOrEqual(0.005);
    // Of the tensor, and of what stands beside it.
    expect(answer.requestBytes).toBeLessThan(1200);
  } finally {
    await app.close();
    await proxy.close();
  }
});
