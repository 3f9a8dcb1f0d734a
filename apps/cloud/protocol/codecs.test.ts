import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IMAGE_CODECS, TENSOR_CODECS, tensorCodec } from "#shared/codecs";
import {
  encodeImage,
  encodeRequest,
  encodeTensor,
  HEADER_LENGTH,
  joinElements,
  type Parameters,
  parseServerTiming,
  type WireTensor,
} from "#shared/protocol";
import { buildServer, type CloudServer } from "../server.ts";
import { post, postBytes, request, scoresOf, testConfig } from "../testing/fixture.ts";

const SIDE = 32;
const LIMIT = 200_000;
/** Soft waves, as photos have: what a lossy codec keeps. */
const PIXELS = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, at) => {
  const [x, y] = [Math.floor(at / 3) % SIDE, Math.floor(at / 3 / SIDE)];
  return 128 + 100 * Math.sin(x / 6 + (at % 3)) * Math.cos(y / 7);
});
const VALUES = Float32Array.from(PIXELS, (byte) => -1 + (2 * byte) / 255);
const RAW: WireTensor = { name: "image", datatype: "UINT8", shape: [1, SIDE, SIDE, 3], data: PIXELS };

let server: CloudServer;
let expected: Float32Array;
beforeAll(async () => {
  server = await buildServer(testConfig({ bodyLimitBytes: LIMIT }));
  await server.ready;
  expected = scoresOf(await post(server.app, request([RAW])));
});
afterAll(() => server.close());

const farthest = (scores: Float32Array, from = expected): number =>
  Math.max(...scores.map((score, at) => Math.abs(score - from[at]!)));
const send = (body: Uint8Array, jsonBytes: number, headers: Record<string, string>) =>
  postBytes(server.app, body, { [HEADER_LENGTH]: String(jsonBytes), ...headers });

describe("tensors", () => {
  test.each(TENSOR_CODECS)(
    "%s, plain and deflated, leads to the same scores but for its error",
    async (codec) => {
      const { tensor, parameters } = encodeTensor("image", [1, SIDE, SIDE, 3], VALUES, codec);
      const frame = encodeRequest(request([tensor], { parameters }));
      const plain = scoresOf(await send(frame.body, frame.jsonBytes, {}));
      expect(farthest(plain)).toBeLessThan(1e-6 + 2 * tensorCodec(codec).mostOff(1, [-1, 1]));
      for (const [encoding, compress] of [
        ["deflate", deflateSync],
        ["gzip", gzipSync],
      ] as const) {
        const small = compress(frame.body);
        expect(small.byteLength).toBeLessThan(frame.body.byteLength);
        const response = await send(small, frame.jsonBytes, { "content-encoding": encoding });
        expect(scoresOf(response)).toEqual(plain);
        expect(parseServerTiming(String(response.headers["server-timing"])).computeMs).toBeGreaterThan(0);
      }
    },
  );

  test("a batch of four bits a value", async () => {
    const { tensor, parameters } = encodeTensor("image", [1, SIDE, SIDE, 3], VALUES, "uint4");
    const alone = scoresOf(await post(server.app, request([tensor], { parameters })));
    const data = Buffer.concat([tensor.data, tensor.data]);
    const two = { ...tensor, shape: [2, tensor.data.byteLength], data };
    const scores = scoresOf(await post(server.app, request([two], { parameters })));
    expect(scores).toHaveLength(20);
    expect(farthest(scores.subarray(10), alone)).toBeLessThan(1e-6);
  });
});

describe("compressed bodies", () => {
  const frame = encodeRequest(request([RAW]));
  const small = deflateSync(frame.body);
  const deflated = { "content-encoding": "deflate" };

  test("a bomb is refused at the limit of the body", async () => {
    const bomb = deflateSync(new Uint8Array(100 * LIMIT));
    expect(bomb.byteLength).toBeLessThan(LIMIT);
    const response = await send(bomb, frame.jsonBytes, deflated);
    expect(response.statusCode).toBe(413);
    expect(response.json().error).toBe(
      `body: expected at most ${LIMIT} bytes, got more when it was inflated`,
    );
  });

  test.each<[string, Uint8Array, RegExp]>([
    ["truncated", small.subarray(0, small.byteLength - 9), /bytes of deflate, got: unexpected end of file/],
    ["of other bytes", PIXELS, /bytes of deflate, got: incorrect header check/],
    ["without zlib's header", deflateRawSync(frame.body), /bytes of deflate, got: /],
    [
      "with bytes behind its end",
      Buffer.concat([small, PIXELS.subarray(0, 5)]),
      /end of deflate, got 5 bytes more/,
    ],
    ["empty", new Uint8Array(0), /bytes of deflate, got: |HTTP|expected 1 to/],
  ])("one %s is refused", async (_, body, message) => {
    const response = await send(body, frame.jsonBytes, deflated);
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toMatch(message);
    expect((await send(small, frame.jsonBytes, deflated)).statusCode).toBe(200);
  });

  test("several encodings at once are refused", async () => {
    const response = await send(small, frame.jsonBytes, { "content-encoding": "gzip, deflate" });
    expect(response.statusCode).toBe(415);
  });
});

describe("images", () => {
  const raw = (width: number, height: number) => ({ raw: { width, height, channels: 3 } }) as const;
  const photo = (width = SIDE, height = SIDE) =>
    sharp(
      Uint8Array.from({ length: width * height * 3 }, (_, at) => PIXELS[at % PIXELS.length]!),
      raw(width, height),
    );

  test.each(IMAGE_CODECS)("%s of the model's size is decoded, alone and in a batch", async (codec) => {
    const file = await photo().toFormat(codec, { quality: 95 }).toBuffer();
    const { tensor, parameters } = encodeImage("image", codec, file);
    const scores = scoresOf(await post(server.app, request([tensor], { parameters })));
    expect(farthest(scores)).toBeLessThan(0.02);
    const two = { ...tensor, shape: [2], data: joinElements([file, file]) };
    const both = scoresOf(await post(server.app, request([two], { parameters })));
    expect(farthest(both.subarray(10), scores)).toBeLessThan(1e-6);
  });

  test("grey and transparent ones are taken for what they show", async () => {
    const grey = await photo().greyscale().jpeg({ quality: 95 }).toBuffer();
    const clear = await photo().ensureAlpha(0.5).webp({ quality: 95 }).toBuffer();
    for (const [codec, file] of [
      ["jpeg", grey],
      ["webp", clear],
    ] as const) {
      const { tensor, parameters } = encodeImage("image", codec, file);
      expect((await post(server.app, request([tensor], { parameters }))).statusCode).toBe(200);
    }
  });

  const jpegOf = (width: number, height: number) => photo(width, height).jpeg().toBuffer();
  const frames = async (): Promise<Buffer> =>
    sharp(Buffer.concat([PIXELS, Uint8Array.from(PIXELS, (byte) => 255 - byte)]), {
      raw: { width: SIDE, height: 2 * SIDE, channels: 3, pageHeight: SIDE },
    })
      .webp()
      .toBuffer();
  const vast = () =>
    sharp({ create: { width: 6000, height: 5000, channels: 3, background: "grey" } })
      .webp({ lossless: true, effort: 0 })
      .toBuffer();
  const broken = async (): Promise<Buffer> => (await jpegOf(SIDE, SIDE)).subarray(0, 400);

  test.each<[string, () => Promise<Uint8Array>, string | null, RegExp]>([
    [
      "of another size",
      () => jpegOf(33, 32),
      "image/jpeg",
      /expected a jpeg image of 32x32 pixels, got jpeg of 33x32/,
    ],
    ["far too large", vast, "image/webp", /of 32x32 pixels, got webp of 6000x5000/],
    ["broken off", broken, "image/jpeg", /expected a jpeg image of 32x32 pixels, got 400 bytes: /],
    [
      "of another format",
      () => jpegOf(SIDE, SIDE),
      "image/webp",
      /expected a webp image .*: it does not begin as webp/,
    ],
    ["that is none", async () => PIXELS, "image/jpeg", /got 3072 bytes: it does not begin as jpeg/],
    ["that is a drawing", async () => Buffer.from("<svg/>"), "image/webp", /it does not begin as webp/],
    ["with nothing in it", async () => new Uint8Array(0), "image/jpeg", /got 0 bytes/],
    ["that moves", frames, "image/webp", /got webp of 32x32 and 2 frames/],
    [
      "of a type we do not take",
      () => photo().png().toBuffer(),
      "image/png",
      /expected image\/jpeg or image\/webp, got image\/png/,
    ],
    [
      "of no type",
      () => jpegOf(SIDE, SIDE),
      null,
      /parameter image.image: expected image\/jpeg or image\/webp, got none/,
    ],
  ])("one %s is refused", async (_, make, type, message) => {
    const tensor = { ...RAW, datatype: "BYTES", shape: [1], data: joinElements([await make()]) } as const;
    const parameters: Parameters = type === null ? {} : { "image.image": type };
    const response = await post(server.app, request([tensor], { parameters }));
    expect(response.json()).toEqual({ error: expect.stringMatching(message) });
    expect(response.statusCode).toBe(400);
  });

  test("only the input is an image", async () => {
    const tensor = {
      ...RAW,
      name: "stem/pool",
      datatype: "BYTES",
      shape: [1],
      data: joinElements([PIXELS]),
    } as const;
    const response = await post(
      server.app,
      request([tensor], { parameters: { "image.stem/pool": "image/jpeg" } }),
    );
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toMatch(/^stem\/pool: expected datatype FP32, FP16.* or UINT8, got BYTES$/);
  });
});
