import { expect, type JSHandle, type Locator } from "@playwright/test";
import { FAKE_CAMERA } from "../apps/lab/rig/phone.ts";
import { type App, openApp } from "./harness/app.ts";
import { TINY } from "./harness/models.ts";
import { test } from "./harness/test.ts";

let app: App;
test.beforeEach(async ({ service }) => {
  app = await openApp({
    url: service.url,
    parameters: { model: TINY, backend: "wasm", profile: "off" },
    flags: [...FAKE_CAMERA, "--use-fake-device-for-media-stream=device-count=2"],
  });
});
test.afterEach(() => app.close());

const video = (): Locator => app.page.getByLabel("camera", { exact: true });
const live = (): Locator => app.page.getByRole("button", { name: "live" });
const problems = (): Locator => app.page.locator(".problems");

test("a camera that ends while live closes, and the page says why", async () => {
  await goLive();
  const track = await theTrack();
  await track.evaluate((one) => {
    // As when it is unplugged: a track that is stopped by the page itself tells nobody.
    one.stop();
    one.dispatchEvent(new Event("ended"));
  });
  await expect(problems()).toContainText(
    /camera: live stopped: it was unplugged, or its permission taken away/,
  );
  await expect(video()).toHaveCount(0);
  // It is there again.
  await app.page.getByRole("button", { name: "Camera" }).tap();
  await expect(app.page.getByRole("button", { name: "Take a picture" })).toBeEnabled();
});

test("a camera that is muted stops live and says why, and can be used when it is back", async () => {
  await goLive();
  const track = await theTrack();
  await track.evaluate((one) => one.dispatchEvent(new Event("mute")));
  await expect(problems()).toContainText(/camera: live stopped: it gives no pictures just now/);
  await expect(live()).toHaveAttribute("aria-pressed", "false");
  await expect(app.page.getByRole("button", { name: "Take a picture" })).toBeDisabled();
  await expect(live()).toBeDisabled();
  await track.evaluate((one) => one.dispatchEvent(new Event("unmute")));
  await live().tap();
  await expectAnswer();
  await expect(problems().locator("> div")).toHaveCount(0);
});

test("a picture that stands still is not classified again and again: live stops and says why", async () => {
  await goLive();
  // A driver that hangs: no event, and no new picture.
  await (await theTrack()).evaluate((one) => one.stop());
  await expect(problems()).toContainText(/camera: live stopped: no new picture has come/);
  await expect(live()).toHaveAttribute("aria-pressed", "false");
});

test("a permission that is taken away ends it", async ({ service }) => {
  await goLive();
  const session = await app.context.newCDPSession(app.page);
  const permission = { name: "camera" };
  const { browserContextId } = (await session.send("Target.getTargetInfo")).targetInfo;
  const of = { origin: service.url, ...(browserContextId === undefined ? {} : { browserContextId }) };
  await session.send("Browser.setPermission", { permission, setting: "denied", ...of });
  await expect(problems()).toContainText(/camera: live stopped: .*permission taken away/);
  await expect(video()).toHaveCount(0);
});

test("while the page is hidden the camera is released, and it is back when the page is seen", async () => {
  await goLive();
  const track = await theTrack();
  await setVisibility("hidden");
  await expect.poll(() => track.evaluate(({ readyState }) => readyState)).toBe("ended");
  expect(await video().evaluate((element: HTMLVideoElement) => element.srcObject)).toBeNull();
  await setVisibility("visible");
  await expect
    .poll(() => video().evaluate((element: HTMLVideoElement) => element.readyState))
    .toBeGreaterThanOrEqual(2);
  await expect(live()).toHaveAttribute("aria-pressed", "true");
  await expect(problems().locator("> div")).toHaveCount(0);
  // Closed while hidden it stays closed.
  await app.page.getByRole("button", { name: "Close camera" }).tap();
  await setVisibility("hidden");
  await setVisibility("visible");
  await expect(video()).toHaveCount(0);
});

test("a photo that is chosen ends live", async () => {
  await goLive();
  await app.page.evaluate(() => globalThis.eddi.setBudget(1000));
  const canvas = await app.page.evaluate(() => {
    const element = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
    return element.toDataURL("image/png").split(",")[1]!;
  });
  const buffer = Buffer.from(canvas, "base64");
  await app.page
    .locator("input[type=file]")
    .first()
    .setInputFiles({ name: "a.png", mimeType: "image/png", buffer });
  await expect(app.page.locator(".viewer img")).toBeVisible();
  await expect(video()).toHaveCount(0);
  await expectAnswer();
  expect((await app.state()).problems).toEqual([]);
});

test("live keeps up as many photos as a plan for that can, while the camera is changed, lit and zoomed", async () => {
  const { page } = app;
  await page.getByRole("button", { name: "Settings" }).tap();
  await page.getByLabel("As many photos a second as can be").tap();
  await page.getByRole("button", { name: "Close", exact: true }).tap();
  expect(new URL(page.url()).searchParams.get("fps")).toBe("most");
  // Browsers' fake cameras have neither light nor zoom.
  await page.evaluate(() => {
    const set = {};
    const { getSettings } = MediaStreamTrack.prototype;
    Object.assign(MediaStreamTrack.prototype, {
      getCapabilities: () => ({ torch: true, zoom: { min: 1, max: 4, step: 0.5 } }),
      getSettings(this: MediaStreamTrack) {
        return { ...getSettings.call(this), ...set };
      },
      applyConstraints: async ({ advanced }: MediaTrackConstraints) => void Object.assign(set, advanced![0]),
    });
  });
  await goLive();
  await expect(page.locator(".rate")).toContainText(/photos a second, planned for \d/);
  // Who answers is told of many pictures together: nothing flickers for each of them.
  await expect(page.locator(".why")).toHaveText(
    /^(Your phone alone answers (nearly all|\d in 10) pictures|The cloud finishes nearly all pictures)/,
  );
  await expect(page.locator(".exit.here").first()).toContainText(/\d in 10/);
  expect((await app.state()).summary!.load).toMatchObject({ framesPerSecond: 30 });
  const deviceId = async () => (await theTrack()).evaluate((track) => track.getSettings().deviceId);
  const first = await deviceId();
  await page.getByRole("button", { name: "Switch camera" }).tap();
  await expect.poll(() => deviceId().catch(() => first)).not.toBe(first);
  const light = page.getByRole("button", { name: "Light" });
  await light.tap();
  await expect(light).toHaveAttribute("aria-pressed", "true");
  await page.getByLabel("Zoom").fill("2");
  await expect(page.getByLabel("Zoom")).toHaveValue("2");
  await expect(live()).toHaveAttribute("aria-pressed", "true");
  await live().tap();
  await expect.poll(async () => (await app.state()).summary!.load).toBeNull();
  await expect(problems().locator("> div")).toHaveCount(0);
});

async function goLive(): Promise<void> {
  await app.page.getByRole("button", { name: "Camera" }).tap();
  await live().tap();
  await expect(live()).toHaveAttribute("aria-pressed", "true");
  await expectAnswer();
}

async function expectAnswer(): Promise<void> {
  await expect(app.page.locator(".answer .label")).toBeVisible();
}

const theTrack = (): Promise<JSHandle<MediaStreamTrack>> =>
  video().evaluateHandle(
    (element: HTMLVideoElement) => (element.srcObject as MediaStream).getVideoTracks()[0]!,
  );

/** Headless browsers show every page: what a page asks and hears is set here. */
async function setVisibility(state: DocumentVisibilityState): Promise<void> {
  await app.page.evaluate((value) => {
    Object.defineProperty(document, "visibilityState", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
}
