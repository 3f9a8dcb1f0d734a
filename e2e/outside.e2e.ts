import { expect } from "@playwright/test";
import type { AskOptions } from "../apps/web/client/index.ts";
import { type App, openApp } from "./harness/app.ts";
import { loadModel, noise, REAL, TINY } from "./harness/models.ts";
import { test } from "./harness/test.ts";

const image = noise(loadModel(TINY), 5);
const parameters = { backend: "wasm", profile: "off" };

let app: App;
test.afterEach(() => app.close());

test("a model that there is not is no dead end: another one is shown, and why", async ({ service }) => {
  app = await openApp({ url: service.url, parameters: { ...parameters, model: "nope" } });
  await expect(app.page.locator(".problems")).toContainText(
    /\?model=nope: expected one of .*resnet-imagenette/,
  );
  expect((await app.state()).model?.id).toBe(REAL);
  await expect(app.page.getByLabel("Model")).toHaveValue(REAL);
});

test("an accuracy that no exit has is said, and the most accurate one is planned", async ({ service }) => {
  app = await openApp({ url: service.url, parameters: { ...parameters, model: REAL, accuracy: 0.99 } });
  await app.settle();
  const promise = app.page.locator(".next");
  await expect(promise).toContainText(/Right in 9\d\.\d of 100 is the most there is now; 99.0 was asked for/);
  await expect(promise).not.toContainText("limit");
});

test("what scripts hand in is checked, fails as it should, and leaves the page as it is", async ({
  service,
}) => {
  app = await openApp({ url: service.url, parameters: { ...parameters, model: TINY, budget: 300 } });
  const { page } = app;
  await app.settle();
  await app.answerNoise(image);
  const shown = page.locator(".answer .label");
  const before = await shown.innerText();
  for (const budgetMs of [Number.NaN, 1e9, -5, 0, "300", null]) {
    const set = page.evaluate((value) => globalThis.eddi.setBudget(value as number), budgetMs);
    await expect(set, `${budgetMs}`).rejects.toThrow(/budgetMs: expected 5 to 10000, got /);
    await expect(app.answerNoise(image, { budgetMs: budgetMs as number })).rejects.toThrow(
      /budgetMs: expected/,
    );
  }
  expect((await app.state()).budgetMs).toBe(300);
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [{ budget: 5 }, /options: expected .*, got budget/],
    [{ plan: "exit1" }, /plan: expected an object, got exit1/],
    [{ plan: { exit: "exit1", head: "image" } }, /plan.head: expected names, got image/],
    [{ plan: { exit: "nowhere", head: ["image"] } }, /nowhere/],
    [{ plan: { exit: "exit1", head: [] } }, /head: expected the input/],
    [{ codec: 5 }, /codec: expected .* got 5/],
    [{ signal: 5 }, /signal: expected an AbortSignal, got 5/],
  ];
  for (const [options, message] of refused) {
    await expect(app.answerNoise(image, options as AskOptions), JSON.stringify(options)).rejects.toThrow(
      message,
    );
  }
  const codes = await page.evaluate(async (count) => {
    const { eddi } = globalThis;
    const codeOf = (answering: Promise<unknown>): Promise<string> =>
      answering.then(
        () => "answered",
        (thrown: { readonly code?: string }) => thrown.code ?? "none",
      );
    const bitmap = await createImageBitmap(new ImageData(8, 8));
    bitmap.close();
    const values = (fill: number): Float32Array => new Float32Array(count).fill(fill);
    const late = new AbortController();
    const aborted = codeOf(eddi.answer(values(0), { signal: late.signal }));
    late.abort();
    return {
      nothing: await codeOf(eddi.answer(undefined as unknown as Blob)),
      address: await codeOf(eddi.answer("photo.jpg" as unknown as Blob)),
      element: await codeOf(eddi.answer(document.createElement("img") as unknown as Blob)),
      text: await codeOf(eddi.answer(new Blob(["These are notes.\n"]))),
      closed: await codeOf(eddi.answer(bitmap)),
      short: await codeOf(eddi.answer(new Float32Array(7))),
      noNumbers: await codeOf(eddi.answer(values(Number.NaN))),
      endless: await codeOf(eddi.answer(values(1e30))),
      beforehand: await codeOf(eddi.answer(values(0), { signal: AbortSignal.abort() })),
      why: await codeOf(eddi.answer(values(0), { signal: AbortSignal.abort(new Error("why")) })),
      late: await aborted,
      timing: await codeOf(eddi.time({ part: "everything", runs: 0 } as never)),
      nowhere: await codeOf(
        eddi.time({ part: "whole", runs: 1, segment: { nodes: ["x"], feeds: ["image"], outputs: ["x"] } }),
      ),
    };
  }, image.count);
  expect(codes).toEqual({
    nothing: "bad-argument",
    address: "bad-argument",
    element: "bad-argument",
    text: "bad-image",
    closed: "bad-image",
    short: "bad-image",
    noNumbers: "bad-image",
    endless: "bad-image",
    beforehand: "cancelled",
    why: "cancelled",
    late: "cancelled",
    timing: "bad-argument",
    nowhere: "bad-argument",
  });
  for (const set of ["setLoad", "setMinAccuracy"] as const) {
    for (const value of [Number.NaN, -5, "0.5", undefined, {}]) {
      const call = ([name, given]: readonly [typeof set, unknown]) => globalThis.eddi[name](given as number);
      await expect(page.evaluate(call, [set, value] as const), `${set} ${value}`).rejects.toThrow(
        /: expected .*, got /,
      );
    }
  }
  // None of that is the page's: its engine, its answer and its messages are as they were.
  expect((await app.state()).problems).toEqual([]);
  expect((await app.state()).engine?.backend).toBe("wasm");
  await expect(shown).toHaveText(before);
  expect((await app.answerNoise(image)).scores).toHaveLength(10);
});

test("a backend that this browser does not have is said, and another one computes", async ({ service }) => {
  app = await openApp({ url: service.url, parameters: { ...parameters, model: TINY, backend: "webgpu" } });
  await app.settle();
  await expect(app.page.locator(".problems")).toContainText(/backend webgpu: .*; wasm takes its place/);
  expect((await app.state()).engine?.backend).toBe("wasm");
});
