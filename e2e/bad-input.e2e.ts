import { expect, type Route } from "@playwright/test";
import sharp, { type Sharp } from "sharp";
import { allEdge } from "#shared/model";
import { type App, openApp } from "./harness/app.ts";
import { loadModel, noise, REAL } from "./harness/models.ts";
import { test } from "./harness/test.ts";

const SHARDS = /\/models\/.*\.bin/;
const MODEL_JSON = /\/models\/.*\/model\.json/;

const model = loadModel(REAL);
const image = noise(model, 6);
const parameters = { model: REAL, profile: "off" };
const onEdge = allEdge(model, model.metadata.exits[0]!.id);

test.describe("files", () => {
  let app: App;
  test.beforeAll(async ({ service }) => {
    app = await openApp({ url: service.url, parameters });
  });
  test.afterAll(() => app.close());
  test.afterEach("page and service go on working", async () => {
    const answer = await app.answer(await picture(320, 240).jpeg().toBuffer());
    // A sure exit on the way may have answered.
    expect(answer.plan.exit).toBe(model.metadata.exits.at(-1)!.id);
  });

  test("a file that is no image is refused with a message", async () => {
    await upload("notes.txt", Buffer.from("These are notes.\n"));
    await expect(app.page.getByText(/expected a PNG, JPEG.* image, got text\/plain/)).toBeVisible();
  });

  test("an image of 400 megapixels is refused with a message", async () => {
    const png = await picture(8, 8).png().toBuffer();
    png.writeUInt32BE(20_000, 16);
    png.writeUInt32BE(20_000, 20);
    await upload("huge.png", png);
    await expect(app.page.getByText(/at most 200 megapixels, got 20000 x 20000/)).toBeVisible();
  });

  test("an image that breaks off is answered with a word, one that breaks off at once is refused", async () => {
    const whole = await picture(640, 480).png().toBuffer();
    await upload("half.png", whole.subarray(0, whole.length / 3));
    await expect(app.page.getByText(/^The picture is incomplete or damaged/)).toBeVisible();
    await upload("start.png", whole.subarray(0, 40));
    await expect(app.page.getByText(/expected a PNG image that can be decoded/)).toBeVisible();
  });

  async function upload(name: string, buffer: Buffer): Promise<void> {
    const mimeType = { txt: "text/plain", png: "image/png", jpg: "image/jpeg" }[name.slice(-3)]!;
    await app.page.locator("input[type=file]").first().setInputFiles({ name, mimeType, buffer });
  }
});

for (const [what, spoil, message] of [
  ["corrupt", (body: Buffer) => flip(body), /expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}/],
  ["truncated", (body: Buffer) => body.subarray(0, body.length - 100), /expected \d+ bytes, got \d+/],
] as const) {
  test(`a ${what} weight shard is refused with a message, and the cloud answers`, async ({ service }) => {
    const app = await openApp({
      url: service.url,
      parameters,
      before: ({ context }) => context.route(SHARDS, (route) => fulfil(route, spoil)),
    });
    try {
      await expect(app.page.getByText(message).first()).toBeVisible();
      expect((await app.answerNoise(image)).source).toBe("cloud");
      await app.context.unrouteAll({ behavior: "wait" });
      expect((await app.answerNoise(image, { plan: onEdge })).source).toBe("edge");
    } finally {
      await app.close();
    }
  });
}

test("a model.json without our metadata is refused with a message", async ({ service }) => {
  const app = await openApp({
    url: service.url,
    parameters,
    wait: false,
    before: ({ context }) =>
      context.route(MODEL_JSON, (route) =>
        fulfil(route, (body) => {
          const { userDefinedMetadata: _, ...rest } = JSON.parse(body.toString()) as Record<string, unknown>;
          return Buffer.from(JSON.stringify(rest));
        }),
      ),
  });
  try {
    await expect(app.page.getByText(/expected userDefinedMetadata\.eddi, got none/)).toBeVisible();
    await expect(app.answerNoise(image)).rejects.toThrow(/userDefinedMetadata/);
    await app.context.unrouteAll({ behavior: "wait" });
    await app.page.reload();
    expect((await app.answerNoise(image)).scores).toHaveLength(model.metadata.labels.length);
  } finally {
    await app.close();
  }
});

/** Passes on what the service sends, changed. */
async function fulfil(route: Route, change: (body: Buffer) => Buffer): Promise<void> {
  const response = await route.fetch();
  const { "content-length": _, "content-encoding": __, ...headers } = response.headers();
  await route.fulfill({ status: response.status(), headers, body: change(await response.body()) });
}

function flip(body: Buffer): Buffer {
  const changed = Buffer.from(body);
  changed[changed.length >> 1]! ^= 1;
  return changed;
}

function picture(width: number, height: number): Sharp {
  return sharp({ create: { width, height, channels: 3, background: "#38a" } });
}
