import { expect } from "@playwright/test";
import { isFittedCodec } from "#shared/codecs";
import { chooseCodecs, TOLERANCE, type WireMode, wireModes } from "#shared/evaluator";
import {
  allCloud,
  allEdge,
  type CodecText,
  codecWords,
  type Plan,
  sameCodec,
  splitPlan,
  type WireCodec,
} from "#shared/model";
import { type App, expectClose, openApp, type PlainAnswer } from "./harness/app.ts";
import { loadModel, noise, REAL, SLOW_PHONE, TINY } from "./harness/models.ts";
import { test } from "./harness/test.ts";

/** The tensors of the real model that a codec was fitted to, and one was learned for. */
const FITTED = "neck";
const LEARNED = "stem/conv2";

/** The head of the last exit up to a tensor. */
function planAt(id: string, tensor: string): Plan {
  const exit = loadModel(id).metadata.exits.at(-1)!.id;
  const { head } = allEdge(loadModel(id), exit);
  return { exit, head: head.slice(0, head.indexOf(tensor) + 1) };
}

test("?codec=uint4: tensors travel in four bits a value, and the answer is nearly that of the edge", async ({
  service,
}) => {
  const model = loadModel(TINY);
  const image = noise(model, 4);
  const plan = planAt(TINY, "stem/pool");
  const answers: Partial<Record<CodecText, PlainAnswer>> = {};
  for (const codec of ["uint4", "uint4+deflate"] as const) {
    const app = await openApp({
      url: service.url,
      parameters: { model: TINY, backend: "wasm", profile: "off", codec },
    });
    try {
      await app.settle();
      const answer = await app.answerNoise(image, { plan });
      const how: WireCodec = { codec: "uint4", deflate: codec !== "uint4" };
      expect(answer).toMatchObject({ source: "cloud", cut: ["stem/pool"], codecs: { "stem/pool": how } });
      const whole = await app.answerNoise(image, { plan: allEdge(model, plan.exit) });
      expectClose(answer.scores, whole.scores, 0.1);
      await expect(app.page.locator(".chip")).toContainText("all on this device");
      await app.answerNoise(image, { plan });
      await expect(app.page.locator(".chip")).toContainText(`${codecWords(how)}, `);
      // What is forced is what is planned with: all tensors, whatever the plan.
      const planned = await app.answerNoise(image);
      for (const one of Object.values(planned.codecs)) expect(one).toEqual(how);
      answers[codec] = answer;
    } finally {
      await app.close();
    }
  }
  const [plain, deflated] = [answers.uint4!, answers["uint4+deflate"]!];
  // Another engine of the service may have taken over meanwhile.
  expectClose(deflated.scores, plain.scores, 1e-5);
  const elements = 16 * 16 * 8;
  expect(plain.requestBytes).toBeGreaterThan(elements / 2);
  expect(plain.requestBytes).toBeLessThan(elements / 2 + 600);
  expect(deflated.requestBytes).toBeLessThan(plain.requestBytes);
});

test.describe("real model", () => {
  const model = loadModel(REAL);
  const exit = model.metadata.exits.at(-1)!.id;
  let app: App;
  let photo: string;
  test.beforeAll(async ({ service }) => {
    app = await openApp({
      url: service.url,
      parameters: { model: REAL, backend: "wasm", slowdown: SLOW_PHONE },
    });
    await app.settle();
    // A picture with edges and soft parts, drawn here: the service may have no photos.
    photo = await app.page.evaluate(async () => {
      const canvas = new OffscreenCanvas(320, 320);
      const context = canvas.getContext("2d")!;
      const sky = context.createLinearGradient(0, 0, 0, 320);
      sky.addColorStop(0, "steelblue");
      sky.addColorStop(1, "linen");
      context.fillStyle = sky;
      context.fillRect(0, 0, 320, 320);
      for (let at = 0; at < 40; at++) {
        context.fillStyle = `hsl(${at * 9} 60% ${30 + at}%)`;
        context.beginPath();
        context.arc((at * 77) % 320, (at * 131) % 320, 8 + (at % 5) * 7, 0, 7);
        context.fill();
      }
      const bytes = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
      return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    });
  });
  test.afterAll(() => app.close());

  const answer = (plan: Plan, codec: CodecText) => app.answer(Buffer.from(photo, "base64"), { plan, codec });

  test("all-cloud: JPEG and WebP of the model's size answer as the pixels do, in far fewer bytes", async () => {
    const plan = allCloud(model, exit);
    const raw = await answer(plan, "float32");
    const pixels = await answer(plan, "uint8");
    expectClose(pixels.scores, raw.scores, 0.05);
    for (const codec of ["webp", "jpeg"] as const) {
      const file = await answer(plan, `${codec}:90`);
      const how = { codec, quality: 90, deflate: false };
      expect(file).toMatchObject({ source: "cloud", cut: ["image"], codecs: { image: how } });
      expect(file.requestBytes).toBeLessThan(pixels.requestBytes / 3);
      expectClose(file.scores, raw.scores, 0.2);
      const coarse = await answer(plan, `${codec}:20`);
      expect(coarse.requestBytes).toBeLessThan(file.requestBytes);
    }
    await expect(app.page.locator(".chip")).toContainText("all in the cloud · jpeg 20, ");
  });

  test("the codec that was fitted to a tensor: the answer is nearly what it was, in a fraction of the bytes", async () => {
    const plan = planAt(REAL, FITTED);
    const [raw, four] = [await answer(plan, "float32"), await answer(plan, "uint4+deflate")];
    const { rates } = model.metadata.fitted![FITTED]!;
    for (const codec of ["linear", "linear:1"] as const) {
      const fitted = await answer(plan, codec);
      const how = { codec: "linear", quality: codec === "linear" ? rates.length : 1, deflate: false };
      expect(fitted).toMatchObject({ source: "cloud", cut: [FITTED], codecs: { [FITTED]: how } });
      expect(fitted.requestBytes).toBeLessThan(four.requestBytes / 2);
      expectClose(fitted.scores, raw.scores, 0.25);
    }
    await expect(app.page.locator(".chip")).toContainText("linear 1, ");
    // It is of that tensor alone.
    const other = await answer(allCloud(model, exit), "linear");
    expect(other.codecs).toEqual({ image: { codec: "uint8", deflate: false } });
  });

  test("a learned codec: behind a fraction of the work its bytes are fewer than those of any picture", async () => {
    const plan = planAt(REAL, LEARNED);
    const { rates } = model.metadata.fitted![LEARNED]!;
    const picture = await answer(allCloud(model, exit), "webp:75");
    const sizes: number[] = [];
    for (const [at, { bytes, spread }] of rates.entries()) {
      const learned = await answer(plan, `linear:${at + 1}`);
      const how = { codec: "linear", quality: at + 1, deflate: false };
      expect(learned).toMatchObject({ source: "cloud", cut: [LEARNED], codecs: { [LEARNED]: how } });
      // No photo, but no far cry from one.
      expect(learned.requestBytes).toBeLessThan(600 + bytes + 10 * spread);
      expect(learned.requestBytes).toBeLessThan(picture.requestBytes / 2);
      sizes.push(learned.requestBytes);
      const again = await answer(plan, `linear:${at + 1}`);
      expectClose(again.scores, learned.scores, 1e-4);
    }
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
    // An exit that its decoder does not lead to has the tensor itself.
    const { id } = model.metadata.exits[1]!;
    const other = await answer({ ...plan, exit: id }, "linear:1");
    expect(other.codecs).toEqual({ [LEARNED]: { codec: "uint8", deflate: false } });
  });

  test("codecs that are none, or of tensors that do not cross, are refused in words", async () => {
    const plan = allCloud(model, exit);
    await expect(answer(plan, "gif" as CodecText)).rejects.toThrow(
      /codec: expected one of float32.* got gif/,
    );
    const codecs = { image: { codec: "webp", deflate: false } } as const;
    await expect(app.answer(Buffer.from(photo, "base64"), { plan: { ...plan, codecs } })).rejects.toThrow(
      /codecs, image: expected a quality of 1 to 100/,
    );
  });

  test("what plans say of codecs is what travels: those of fewest bytes that lose next to nothing, or what they lose is told", async () => {
    await app.page.evaluate(() => globalThis.eddi.setBudget(4000));
    await app.settle();
    const { plan, prediction } = (await app.state()).summary!;
    const planned = await app.answerNoise(noise(model, 5), { plan: plan! });
    const { codecs } = planned;
    expect(planned.cut, "tensors that travel from so slow a phone").not.toEqual([]);
    expect(codecs).toEqual(plan!.codecs);
    // On the photos that codecs are chosen on, and on the others.
    const { codecs: measured, fitted, exits } = model.metadata;
    let counted = 0;
    const { exit: to } = plan!;
    for (const [name, codec] of Object.entries(codecs)) {
      const cost = isFittedCodec(codec.codec)
        ? fitted![name]!.rates[codec.quality! - 1]
        : measured![name]!.find((one) => sameCodec(one, codec));
      const lost = Math.max(cost!.loss[to]!, cost!.reported?.[to] ?? 0);
      if (lost > TOLERANCE + 1e-9) counted += lost;
    }
    const chosen = (mode: WireMode) => chooseCodecs(model, to, mode);
    const fits = wireModes(model).some((mode) =>
      Object.entries(codecs).every(([name, codec]) => {
        const { bytes: _, loss: _reported, ...own } = chosen(mode)[model.dag.names.indexOf(name)]!;
        return JSON.stringify(own) === JSON.stringify(codec);
      }),
    );
    expect(fits, JSON.stringify(codecs)).toBe(counted === 0);
    const { accuracy } = exits.find(({ id }) => id === to)!;
    expect(prediction!.accuracy).toBeLessThanOrEqual(accuracy! - counted + 1e-9);
    // The service takes all of them: every tensor of the cut, in its codec, forced by the plan itself.
    expect(planned).toMatchObject({ source: "cloud", cut: splitPlan(model, plan!).cut });
  });
});
