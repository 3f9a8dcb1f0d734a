import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@playwright/test";
import sharp, { type Sharp } from "sharp";
import { allCloud } from "#shared/model";
import { ROOT } from "../apps/lab/rig/service.ts";
import { type App, expectClose, openApp } from "./harness/app.ts";
import { loadModel, REAL } from "./harness/models.ts";
import { test } from "./harness/test.ts";

const model = loadModel(REAL);
const { width, height } = model.metadata.input;
const plan = allCloud(model, model.metadata.exits.at(-1)!.id);
const CASES = join(ROOT, "../shared/data/cases/pictures");
const WORD = /^The picture is incomplete or damaged/;

let app: App;
test.beforeAll(async ({ service }) => {
  app = await openApp({ url: service.url, parameters: { model: REAL, codec: "float32", profile: "off" } });
});
test.afterAll(() => app.close());

const TYPES: Readonly<Record<string, string>> = {
  avif: "image/avif",
  bmp: "image/bmp",
  cur: "image/x-icon",
  gif: "image/gif",
  heic: "image/heic",
  ico: "image/x-icon",
  jpg: "image/jpeg",
  png: "image/png",
  svg: "image/svg+xml",
  tif: "image/tiff",
  webp: "image/webp",
};

/** Chooses it as a user does, and waits for its answer. @returns the answer's scores are compared with */
async function choose(name: string, buffer: Buffer): Promise<void> {
  const mimeType = TYPES[name.split(".").at(-1)!]!;
  await app.page.evaluate(() => globalThis.eddi.answer(new ImageData(8, 8)));
  await app.page.locator("input[type=file]").first().setInputFiles({ name, mimeType, buffer });
}

/** The answer to a file, and to what an `<img>` element shows of it, drawn on white. */
function ask(name: string, buffer: Buffer) {
  return app.page.evaluate(
    async ([base64, type, size, plan]) => {
      const file = new Blob([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))], { type });
      const answered = await globalThis.eddi.answer(file, { budgetMs: 60_000, plan });
      const element = new Image();
      element.src = URL.createObjectURL(file);
      await new Promise((done, fail) => {
        element.onload = done;
        element.onerror = fail;
      });
      const canvas = new OffscreenCanvas(size.width, size.height);
      const context = canvas.getContext("2d")!;
      context.imageSmoothingQuality = "high";
      context.fillStyle = "white";
      context.fillRect(0, 0, size.width, size.height);
      // A part of a drawing without a size is not what the same part of the whole drawing shows, and drawings are
      // sharp in any size.
      const { naturalWidth, naturalHeight } = element;
      const longer = Math.max(naturalWidth, naturalHeight);
      const isDrawing = type === "image/svg+xml";
      const fit = isDrawing ? Math.min(longer < 100 ? 5 : 1, 1000 / longer) : 1;
      const [w, h] = [naturalWidth * fit, naturalHeight * fit];
      const whole = new OffscreenCanvas(w, h);
      whole.getContext("2d")!.drawImage(element, 0, 0, w, h);
      const scale = Math.min(w / size.width, h / size.height);
      const [sw, sh] = [size.width * scale, size.height * scale];
      context.drawImage(
        type === "image/svg+xml" ? whole : element,
        (w - sw) / 2,
        (h - sh) / 2,
        sw,
        sh,
        0,
        0,
        size.width,
        size.height,
      );
      const pixels = context.getImageData(0, 0, size.width, size.height);
      const shown = await globalThis.eddi.answer(pixels, { budgetMs: 60_000, plan });
      const { isIncomplete, label } = answered;
      return { scores: [...answered.scores], label, isIncomplete, shown: [...shown.scores] };
    },
    [buffer.toString("base64"), TYPES[name.split(".").at(-1)!]!, { width, height }, plan] as const,
  );
}

/** Of the model's own size, so that nothing is scaled; not alike under any turn. */
function picture(): Sharp {
  const pixels = Buffer.alloc(3 * width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isDisc = (x - 0.3 * width) ** 2 + (y - 0.35 * height) ** 2 < (0.2 * width) ** 2;
      pixels[at++] = isDisc ? 240 : (180 * x) / width;
      pixels[at++] = isDisc ? 200 : (220 * y) / height;
      pixels[at++] = isDisc ? 40 : ((x >> 3) ^ (y >> 4)) & 1 ? 200 : 60;
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

function bmp(headerBytes: 12 | 40): Buffer {
  const row = Math.ceil((3 * width) / 4) * 4;
  const offset = 14 + headerBytes;
  const file = Buffer.alloc(offset + row * height);
  file.write("BM");
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(offset, 10);
  file.writeUInt32LE(headerBytes, 14);
  if (headerBytes === 12) {
    file.writeUInt16LE(width, 18);
    file.writeUInt16LE(height, 20);
    file.writeUInt32LE(0x18_0001, 22);
  } else {
    file.writeInt32LE(width, 18);
    file.writeInt32LE(height, 22);
    file.writeUInt32LE(0x18_0001, 26);
  }
  for (let at = offset; at < file.length; at++) file[at] = (at * 3) & 255;
  return file;
}

async function icon(type: 1 | 2): Promise<Buffer> {
  const png = await picture().resize(128, 128).png().toBuffer();
  const head = Buffer.alloc(22);
  head.writeUInt16LE(type, 2);
  head.writeUInt16LE(1, 4);
  head.set([128, 128], 6);
  head.writeUInt32LE(png.length, 14);
  head.writeUInt32LE(22, 18);
  return Buffer.concat([head, png]);
}

const segment = (code: number, bytes: Buffer): Buffer => {
  const head = Buffer.from([0xff, code, 0, 0]);
  head.writeUInt16BE(bytes.length + 2, 2);
  return Buffer.concat([head, bytes]);
};

/** A JPEG with this put between its start and the rest. */
async function jpegWith(...parts: readonly Buffer[]): Promise<Buffer> {
  const jpeg = await picture().jpeg({ quality: 95 }).toBuffer();
  return Buffer.concat([jpeg.subarray(0, 2), ...parts, jpeg.subarray(2)]);
}

const turned = (orientation: number) => picture().withMetadata({ orientation });
const svg = (attributes: string): Buffer =>
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" ${attributes}><rect width="60%" height="100%" fill="green"/><circle cx="30" cy="40" r="25" fill="orange"/></svg>`,
  );
const frames = async () => {
  const [pageHeight, raw] = [height / 2, await picture().raw().toBuffer()];
  const gif = await sharp(raw, { raw: { width, height, channels: 3, pageHeight } })
    .gif()
    .toBuffer();
  return sharp(gif, { animated: true });
};

/** Whole pictures, in all that people have them in. */
const WHOLE: Readonly<Record<string, () => Promise<Buffer> | Buffer>> = {
  "baseline.jpg": () => picture().jpeg().toBuffer(),
  "progressive.jpg": () => picture().jpeg({ progressive: true }).toBuffer(),
  "grey.jpg": () => picture().greyscale().jpeg().toBuffer(),
  "press-profile.jpg": () => picture().toColourspace("cmyk").withIccProfile("cmyk").jpeg().toBuffer(),
  "wide-gamut.jpg": () => picture().withIccProfile("p3").jpeg().toBuffer(),
  "metadata.jpg": () => jpegWith(...Array.from({ length: 9 }, () => segment(0xe1, Buffer.alloc(65_000, 65)))),
  "stray-bytes.jpg": () =>
    jpegWith(segment(0xfe, Buffer.from("x")), Buffer.alloc(300, 1), Buffer.alloc(5, 0xff)),
  "trailer.jpg": async () => Buffer.concat([await picture().jpeg().toBuffer(), Buffer.alloc(50_000, 9)]),
  ...Object.fromEntries(
    [2, 3, 4, 5, 6, 7, 8].map((way) => [`turned-${way}.jpg`, () => turned(way).jpeg().toBuffer()]),
  ),
  "turned.png": () => turned(6).png().toBuffer(),
  "turned.webp": () => turned(6).webp().toBuffer(),
  "turned.avif": () => turned(6).avif({ effort: 0 }).toBuffer(),
  "plain.png": () => picture().png().toBuffer(),
  "interlaced.png": () => picture().png({ progressive: true }).toBuffer(),
  "palette.png": () => picture().png({ palette: true }).toBuffer(),
  "transparent.png": () => picture().ensureAlpha(0.4).png().toBuffer(),
  "deep.png": () => picture().toColourspace("rgb16").png().toBuffer(),
  "plain.webp": () => picture().webp().toBuffer(),
  "lossless.webp": () => picture().webp({ lossless: true }).toBuffer(),
  "plain.gif": () => picture().gif().toBuffer(),
  "animated.gif": async () => (await frames()).gif().toBuffer(),
  "animated.webp": async () => (await frames()).webp().toBuffer(),
  "plain.avif": () => picture().avif({ effort: 0 }).toBuffer(),
  "windows.bmp": () => bmp(40),
  "os2.bmp": () => bmp(12),
  "icon.ico": () => icon(1),
  "cursor.cur": () => icon(2),
};

for (const [name, make] of Object.entries(WHOLE)) {
  test(`${name} is answered as <img> shows it`, async () => {
    const { scores, shown, isIncomplete } = await ask(name, await make());
    expect(isIncomplete).toBe(false);
    expectClose(scores, shown, name.startsWith("icon") || name.startsWith("cursor") ? 0.2 : 0.01);
  });
}

/** Drawings are drawn anew in each size, so their answers are but alike. */
for (const attributes of [
  'width="200" height="150"',
  'width="40" height="30" viewBox="0 0 100 75"',
  'viewBox="0 0 100 75"',
  'width="100%" height="100%" viewBox="0 0 100 75"',
  'width="90000" height="90000" viewBox="0 0 100 100"',
  "",
]) {
  test(`an SVG with ${attributes || "no size at all"} is answered as <img> shows it`, async () => {
    const { scores, shown, isIncomplete } = await ask("drawing.svg", svg(attributes));
    expect(isIncomplete).toBe(false);
    expectClose(scores, shown, 0.2);
  });
}

test("an SVG that nobody says is one is shown and answered", async () => {
  const bytes = svg('viewBox="0 0 100 75"').toString("base64");
  const answer = await app.answer(Buffer.from(bytes, "base64"), { plan });
  expect(answer.scores).toHaveLength(model.metadata.labels.length);
  await expect(app.page.locator(".viewer img")).toHaveJSProperty("complete", true);
  expect(
    await app.page.locator(".viewer img").evaluate((shown) => (shown as HTMLImageElement).naturalWidth),
  ).toBeGreaterThan(0);
});

/** Files that end early: how much of them is there. */
const INCOMPLETE: readonly (readonly [string, () => Promise<Buffer>, number])[] = [
  ["no-end.jpg", () => picture().jpeg().toBuffer(), -2],
  ["half.jpg", () => picture().jpeg().toBuffer(), 0.5],
  ["half-progressive.jpg", () => picture().jpeg({ progressive: true }).toBuffer(), 0.5],
  ["half-turned.jpg", () => turned(6).jpeg().toBuffer(), 0.6],
  ["half-cmyk.jpg", () => picture().toColourspace("cmyk").jpeg().toBuffer(), 0.6],
  ["no-end.png", () => picture().png().toBuffer(), -12],
  ["a-byte-short.png", () => picture().png().toBuffer(), -1],
  ["half.png", () => picture().png().toBuffer(), 0.5],
  ["half-interlaced.png", () => picture().png({ progressive: true }).toBuffer(), 0.5],
  ["no-end.gif", () => picture().gif().toBuffer(), -1],
  ["half.gif", () => picture().gif().toBuffer(), 0.5],
  ["half-animated.gif", async () => (await frames()).gif().toBuffer(), 0.7],
  ["half.bmp", async () => bmp(40), 0.5],
];

for (const [name, make, share] of INCOMPLETE) {
  test(`${name}, which ends early, is answered as <img> shows it, with a word`, async () => {
    const whole = await make();
    const file = whole.subarray(0, share < 0 ? share : Math.round(share * whole.length));
    const { scores, shown, isIncomplete } = await ask(name, file);
    expect(isIncomplete).toBe(true);
    expectClose(scores, shown, 0.01);
    await choose(name, file);
    await expect(app.page.getByText(WORD)).toBeVisible();
  });
}

test("a whole picture is not called incomplete", async () => {
  await choose("whole.jpg", await picture().jpeg().toBuffer());
  await expect(app.page.locator(".answer .label")).toBeVisible();
  await expect(app.page.getByText(WORD)).toHaveCount(0);
});

test("what this browser shows nothing of is refused by its name", async () => {
  const tiff = await picture().tiff().toBuffer();
  await choose("scan.tif", tiff);
  await expect(app.page.getByText(/got a TIFF or raw photo, which this browser does not show/)).toBeVisible();
  const webp = await picture().webp().toBuffer();
  await choose("start.webp", webp.subarray(0, webp.length >> 1));
  await expect(app.page.getByText(/expected a WebP image that can be decoded/)).toBeVisible();
});

test.describe("large photos", () => {
  test.skip(process.platform !== "linux", "only Linux tells a process' peak of memory");

  /** What its pages' processes have taken at most, in MB. */
  function peakMb(): number {
    const peaks = readdirSync("/proc").flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("--type=renderer")) return [];
        const [, kilobytes = "0"] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
        return [Number(kilobytes) / 1024];
      } catch {
        return []; // No process, or one that has just ended.
      }
    });
    return Math.max(...peaks);
  }

  for (const [what, orientation] of [
    ["as it is", 1],
    ["turned", 6],
  ] as const) {
    test(`200 megapixels, ${what}, are shown and answered in less than a third of their pixels' memory`, async ({
      service,
    }) => {
      const large = picture().resize(16_320, 12_240, { fit: "fill", kernel: "nearest" });
      const file = await large.withMetadata({ orientation }).jpeg({ quality: 60 }).toBuffer();
      const fresh = await openApp({ url: service.url, parameters: { model: REAL, profile: "off" } });
      try {
        const beforeMb = peakMb();
        await fresh.page
          .locator("input[type=file]")
          .first()
          .setInputFiles({ name: "photo.jpg", mimeType: "image/jpeg", buffer: file });
        await expect(fresh.page.locator(".answer .label")).toBeVisible();
        const shown = fresh.page.locator(".viewer img");
        const size = await shown.evaluate((image) => {
          const { naturalWidth, naturalHeight } = image as HTMLImageElement;
          return [naturalWidth, naturalHeight];
        });
        expect(size).toEqual(orientation === 1 ? [1365, 1024] : [1024, 1365]);
        expect(peakMb() - beforeMb).toBeLessThan((4 * 16_320 * 12_240) / 3 / 2 ** 20);
        expect((await fresh.state()).problems).toEqual([]);
      } finally {
        await fresh.close();
      }
    });
  }

  test("what is large is answered as if it were small", async () => {
    const small = picture();
    const smallScores = (await app.answer(await small.clone().png().toBuffer(), { plan })).scores;
    const large = small.resize(width * 40, height * 40, { fit: "fill", kernel: "cubic" });
    for (const file of [await large.clone().jpeg().toBuffer(), await large.clone().png().toBuffer()]) {
      expectClose((await app.answer(file, { plan })).scores, smallScores, 0.2);
    }
  });

  test("a large one that ends early is answered with a word too", async () => {
    const file = await picture().resize(8000, 6000, { fit: "fill" }).jpeg().toBuffer();
    await choose("half.jpg", file.subarray(0, file.length >> 1));
    await expect(app.page.getByText(WORD)).toBeVisible();
  });
});

test.describe("the pictures that people reported (../shared)", () => {
  test.skip(!existsSync(CASES), "there are none here");

  const INCOMPLETE_CASES = ["noEOI.jpg", "trunc50.jpg", "trunc-noIEND.png"];
  for (const name of [
    "xmp5x64k.jpg",
    "junk-between.jpg",
    "50.3mp.jpg",
    "x.ico",
    "sized.svg",
    "nosize.svg",
    ...INCOMPLETE_CASES,
  ]) {
    test(`${name} is answered`, async () => {
      const { scores, shown, isIncomplete } = await ask(name, readFileSync(join(CASES, name)));
      expect(isIncomplete).toBe(INCOMPLETE_CASES.includes(name));
      expectClose(scores, shown, 0.2);
    });
  }

  test("x.heic is called HEIC", async () => {
    await choose("x.heic", readFileSync(join(CASES, "x.heic")));
    await expect(app.page.getByText(/got a HEIC photo, which this browser does not show/)).toBeVisible();
  });
});

test("a frame of a video is answered as the picture that it shows, and handed on", async () => {
  const [frame, bitmap, left, refused] = await app.page.evaluate(async (plan) => {
    const canvas = new OffscreenCanvas(480, 270);
    const context = canvas.getContext("2d")!;
    for (let x = 0; x < 480; x += 30) {
      context.fillStyle = `hsl(${x} 80% ${20 + x / 8}%)`;
      context.fillRect(x, x / 4, 30, 200);
    }
    const shown = new VideoFrame(canvas, { timestamp: 0 });
    const answers = [shown, await createImageBitmap(canvas)].map((image) =>
      globalThis.eddi.answer(image, { budgetMs: 60_000, plan }),
    );
    const [one, other] = await Promise.all(answers);
    const again = await globalThis.eddi.answer(shown).catch(({ code }: { code: string }) => code);
    return [[...one!.scores], [...other!.scores], shown.displayWidth, again] as const;
  }, plan);
  expectClose(frame, bitmap, 1e-3);
  expect(left).toBe(0);
  expect(refused).toBe("bad-image");
});
