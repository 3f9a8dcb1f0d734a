import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "@playwright/test";
import { allEdge, type Plan } from "#shared/model";
import { storeLearned } from "../apps/cloud/testing/fitted-codec.ts";
import { SOFTWARE_WEBGPU } from "../apps/lab/rig/phone.ts";
import { ROOT } from "../apps/lab/rig/service.ts";
import { LEARNED } from "../shared/protocol/learned-fixture.ts";
import { expectClose, openApp, type PlainAnswer } from "./harness/app.ts";
import { loadModel, noise, TINY } from "./harness/models.ts";
import { type Service, startService } from "./harness/service.ts";
import { test } from "./harness/test.ts";

const model = loadModel(TINY);
const image = noise(model, 3);
const exit = model.metadata.exits.at(-1)!.id;
const { head } = allEdge(model, exit);
const plan: Plan = { exit, head: head.slice(0, head.indexOf(LEARNED.tensor) + 1) };

let folder: string;
let service: Service;
test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "eddi-learned-"));
  await cp(join(ROOT, "models", TINY), join(folder, TINY), { recursive: true });
  await storeLearned(join(folder, TINY));
  service = await startService(["--models", folder]);
});
test.afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true });
});

/** By rate: the answer whose cut goes by the learned codec. */
async function answersOn(backend: "wasm" | "webgpu"): Promise<readonly PlainAnswer[]> {
  const parameters = { model: TINY, backend, profile: "off", budget: 60_000 } as const;
  const flags = backend === "webgpu" ? SOFTWARE_WEBGPU : [];
  const app = await openApp({ url: service.url, parameters, flags, isAlone: true, isShown: false });
  try {
    await app.settle();
    const { engine } = await app.state();
    expect(engine?.backend, JSON.stringify(engine?.tried)).toBe(backend);
    const answers: PlainAnswer[] = [];
    for (const codec of ["linear:1", "linear:2"] as const) {
      const answer = await app.answerNoise(image, { plan, codec });
      const how = { codec: "linear", quality: Number(codec.at(-1)), deflate: false };
      expect(answer).toMatchObject({
        source: "cloud",
        cut: [LEARNED.tensor],
        codecs: { [LEARNED.tensor]: how },
      });
      answers.push(answer);
    }
    // Another exit is none that its decoder leads to.
    const first = model.metadata.exits[0]!.id;
    const early = { exit: first, head: plan.head };
    const usual = await app.answerNoise(image, { plan: early, codec: "linear:1" });
    expect(usual.codecs).toEqual({ [LEARNED.tensor]: { codec: "uint8", deflate: false } });
    return answers;
  } finally {
    await app.close();
  }
}

test("a cut by a learned codec is answered alike from WASM and from WebGPU, the coarser rate in fewer bytes", async () => {
  const [wasm, webgpu] = [await answersOn("wasm"), await answersOn("webgpu")];
  for (const [at, answer] of wasm.entries()) {
    expectClose(webgpu[at]!.scores, answer.scores, 1e-4);
    // A number in a thousand may be rounded otherwise, but hardly.
    expect(Math.abs(webgpu[at]!.requestBytes - answer.requestBytes)).toBeLessThanOrEqual(2);
  }
  expect(wasm[0]!.requestBytes).toBeLessThan(wasm[1]!.requestBytes);
});
