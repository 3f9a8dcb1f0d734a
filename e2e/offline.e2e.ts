import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "@playwright/test";
import { ROOT } from "../apps/lab/rig/service.ts";
import { type App, openApp } from "./harness/app.ts";
import { loadModel, noise, TINY } from "./harness/models.ts";
import { openReverseProxy, type ReverseProxy } from "./harness/reverse-proxy.ts";
import { test } from "./harness/test.ts";

/** What a visit may fetch when all is kept, in bytes: nobody has answered yet. */
const SECOND_VISIT_BYTES = 15_000;

const image = noise(loadModel(TINY), 1);
let proxy: ReverseProxy;
let app: App;

test.describe.configure({ mode: "serial" });
test.beforeAll(async ({ service }) => {
  const { port } = service;
  proxy = await openReverseProxy({ port, prefix: "", strips: false, keepsHost: true });
  const parameters = { model: TINY, backend: "wasm", profile: "off" };
  app = await openApp({ url: proxy.origin, parameters, keepsPages: true });
  await app.settle();
  await app.page.evaluate(async () => void (await navigator.serviceWorker.ready));
});
test.afterAll(async () => {
  await app.close();
  proxy.close();
});

test("a second visit fetches next to nothing", async () => {
  const before = proxy.sent.length;
  await visit(`?model=${TINY}`);
  await app.settle();
  expect((await app.answerNoise(image)).scores).toHaveLength(10);
  // Probes of the link are no part of it: they go on for as long as somebody looks.
  const fetched = proxy.sent.slice(before).filter(({ path }) => !/^\/v2\/(health|probe)/.test(path));
  const bytes = fetched.reduce((sum, one) => sum + one.bytes, 0);
  expect(bytes, JSON.stringify(fetched)).toBeLessThanOrEqual(SECOND_VISIT_BYTES);
});

test("after one visit the page opens and answers without a network, with the model that it knows", async () => {
  proxy.cut(true);
  await visit();
  const { page } = app;
  await expect(page.locator(".link")).toContainText("Offline: phone only");
  expect((await app.answerNoise(image)).source).toBe("edge");
  await page.locator(".samples button").first().tap();
  await expect(page.locator(".answer .label")).toBeVisible();
  expect(await page.evaluate(() => globalThis.eddi.state().model?.id)).toBe(TINY);
});

test("a photo that another app shares is answered, without a network too", async () => {
  const { page } = app;
  // As the browser's own form would, which follows by itself to where it is told.
  await page.evaluate(async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
    const photo = await new Promise<Blob | null>((done) => canvas.toBlob(done));
    const body = new FormData();
    body.append("photo", new File([photo!], "a.png", { type: "image/png" }));
    await fetch("./?share", { method: "POST", body, redirect: "manual" });
  });
  await page.goto(`${proxy.origin}/?eddi-shared`);
  await expect(page.locator(".viewer img")).toBeVisible();
  await expect(page.locator(".answer .label")).toBeVisible();
  expect(page.url()).toBe(`${proxy.origin}/`);
  // It is answered once.
  await page.reload();
  await expect(page.locator(".choose")).toBeVisible();
});

test("a new version that is but half there changes nothing; one that is all there opens at once, and is kept", async () => {
  const { page } = app;
  proxy.cut(false);
  const [old] = await versions();
  const html = (await readFile(join(ROOT, "dist/web/index.html"), "utf8")).replace(
    "<title>EDDI",
    "<title>New",
  );
  const script = (await readFile(join(ROOT, "dist/web/service-worker.js"), "utf8"))
    .replace(old!, "0123456789abcdef")
    .replace(hashOf(await readFile(join(ROOT, "dist/web/index.html"))), hashOf(html));
  proxy.replace("/service-worker.js", { "content-type": "text/javascript" }, script);
  await visit(`?model=${TINY}`);
  // The browser may have looked by itself, and dropped it: then it looks again.
  await expect.poll(update).toBe("redundant");
  expect(await versions()).toEqual([old]);
  expect(await page.title()).toBe("EDDI");

  const { headers } = await fetch(`${proxy.origin}/`);
  const policy = headers.get("content-security-policy")!;
  const isolation = {
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
  };
  const page2 = { "content-type": "text/html", "content-security-policy": policy, ...isolation };
  proxy.replace("/", page2, html);
  await visit(`?model=${TINY}`);
  expect(await page.title()).toBe("New");
  await update();
  // Pages of the old one may be open still.
  await expect.poll(versions).toEqual([old, "0123456789abcdef"]);
  proxy.cut(true);
  await visit();
  expect(await page.title()).toBe("New");
  expect((await app.answerNoise(image)).source).not.toBe("cloud");
  proxy.cut(false);
});

test("an old version that a request starts again, while a new one waits, makes room for it", async () => {
  const { page, context } = app;
  const script = await readFile(join(ROOT, "dist/web/service-worker.js"), "utf8");
  // Nothing but a message has this one take over.
  const waiting = script.replace(/\.then\(\(\)=>\w+\.skipWaiting\(\)\)/, "");
  expect(waiting).not.toBe(script);
  proxy.replace(
    "/",
    { "content-type": "text/html" },
    await readFile(join(ROOT, "dist/web/index.html"), "utf8"),
  );
  proxy.replace("/service-worker.js", { "content-type": "text/javascript" }, waiting);
  const next = await page.evaluateHandle(async () => {
    const registration = (await navigator.serviceWorker.getRegistration())!;
    await registration.update();
    return registration.installing ?? registration.waiting;
  });
  const state = () => next.evaluate((version) => version?.state);
  await expect.poll(state).toBe("installed");
  const devtools = await context.newCDPSession(page);
  await devtools.send("ServiceWorker.enable");
  await devtools.send("ServiceWorker.stopAllWorkers");
  // Probes of the link, which workers of the page send, are such requests.
  await expect.poll(state).toBe("activated");
});

test("a button removes all that is kept", async () => {
  const { page } = app;
  expect(await page.evaluate(() => caches.keys())).not.toEqual([]);
  await page.getByRole("button", { name: "Settings" }).tap();
  await expect(page.locator("dialog")).toContainText(/about [\d.]+.[kM]B/);
  await page.getByRole("button", { name: "Remove" }).tap();
  await expect(page.locator("dialog")).toContainText("Nothing is kept any more");
  expect(await page.evaluate(() => caches.keys())).toEqual([]);
  expect(await page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length)).toBe(0);
});

async function visit(query = ""): Promise<void> {
  await app.page.goto(`${proxy.origin}/${query}`);
  // A request that comes while a version ends starts it again: of a page at rest fewer come.
  await app.settle();
}

/** Of the page, as the browser keeps them. */
function versions(): Promise<string[]> {
  return app.page.evaluate(async () => {
    const names = await caches.keys();
    return names
      .filter((name) => name.startsWith("eddi-page-"))
      .map((name) => name.slice("eddi-page-".length));
  });
}

/** Looks for a new version, as the browser does by itself. @returns what became of it; none where there is no other */
function update(): Promise<string> {
  return app.page.evaluate(async () => {
    const registration = (await navigator.serviceWorker.getRegistration())!;
    await registration.update();
    const worker = registration.installing ?? registration.waiting;
    if (worker === null) return "none";
    // Its event would not do: what only the worker's own listener holds is collected, worker and all.
    while (worker.state !== "activated" && worker.state !== "redundant")
      await new Promise((done) => setTimeout(done, 50));
    return worker.state;
  });
}

function hashOf(bytes: string | Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
