import { expect, test } from "vitest";
import { CODECS, codedBytes } from "#shared/codecs";
import { codecWords, parseCodec, sameCodec, type WireCodec } from "./codecs.ts";
import { fixtureModel } from "./fixture.ts";
import { type Plan, splitPlan } from "./plan.ts";

test("a codec is read as an address says it, and nothing else is", () => {
  for (const codec of CODECS) {
    expect(parseCodec(codec)).toEqual({ codec, deflate: false });
    expect(parseCodec(`${codec}+deflate`)).toEqual({ codec, deflate: true });
    // URLSearchParams makes a space of a plus.
    expect(parseCodec(`${codec} deflate`)).toEqual({ codec, deflate: true });
  }
  expect(parseCodec("webp:60")).toEqual({ codec: "webp", quality: 60, deflate: false });
  expect(parseCodec("jpeg:100+deflate")).toEqual({ codec: "jpeg", quality: 100, deflate: true });
  for (const text of [
    "",
    "uint",
    "uint8:50",
    "webp:0",
    "webp:101",
    "webp:",
    "gif",
    "deflate",
    "uint8+gzip",
    "uint8 ",
  ]) {
    expect(parseCodec(text), text).toBeNull();
  }
  expect(codecWords({ codec: "uint4", deflate: true })).toBe("uint4 + deflate");
  expect(codecWords({ codec: "webp", quality: 60, deflate: false })).toBe("webp 60");
});

test("bytes are rounded up, and codecs are the same when all of them is", () => {
  expect([4, 2, 1].map((_, at) => codedBytes((["float32", "float16", "uint8"] as const)[at]!, 5))).toEqual([
    20, 10, 5,
  ]);
  expect([codedBytes("uint4", 5), codedBytes("uint4", 6)]).toEqual([3, 3]);
  const webp: WireCodec = { codec: "webp", quality: 60, deflate: false };
  expect(sameCodec(webp, { ...webp })).toBe(true);
  for (const change of [{ codec: "jpeg" }, { quality: 61 }, { deflate: true }] as const) {
    expect(sameCodec(webp, { ...webp, ...change })).toBe(false);
  }
});

test("a plan's codecs are of tensors that cross, are known there, and agree on deflate", () => {
  const model = fixtureModel();
  const plan: Plan = { exit: "full", head: ["image", "stem"] };
  const split = splitPlan(model, plan);
  expect(split.cut).toEqual(["stem"]);
  const withCodecs = (codecs: object) => () => splitPlan(model, { ...plan, codecs } as Plan);
  expect(splitPlan(model, { ...plan, codecs: { stem: { codec: "uint4", deflate: true } } })).toEqual(split);
  const wrong: [object, string][] = [
    [{ image: { codec: "uint8", deflate: false } }, "codecs: expected tensors of the cut stem, got image"],
    [
      { stem: { codec: "jpeg", quality: 50, deflate: false } },
      'codecs, stem: expected a codec of float32, .* got "jpeg"',
    ],
    [{ stem: { codec: "uint8" } }, "codecs, stem: expected deflate as true or false, got nothing"],
    [{ stem: { codec: "uint8", quality: 3, deflate: false } }, "codecs, stem: expected no quality, got 3"],
    [{ stem: null }, "codecs, stem: expected a codec"],
  ];
  for (const [codecs, message] of wrong) {
    const refused = expect.objectContaining({ code: "bad-plan", message: expect.stringMatching(message) });
    expect(withCodecs(codecs), JSON.stringify(codecs)).toThrow(refused);
  }
  const image: Plan = { exit: "full", head: ["image"] };
  expect(() => splitPlan(model, { ...image, codecs: { image: { codec: "webp", deflate: false } } })).toThrow(
    "codecs, image: expected a quality of 1 to 100, got nothing",
  );
  const two: Plan = {
    exit: "full",
    head: ["image", "stem", "deep"],
    codecs: { stem: { codec: "uint8", deflate: true }, deep: { codec: "uint8", deflate: false } },
  };
  expect(() => splitPlan(model, two)).toThrow("codecs: expected one body, all deflated or none, got both");
});
