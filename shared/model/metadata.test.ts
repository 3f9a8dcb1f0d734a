import { expect, test } from "vitest";
import { TENSOR_CODECS } from "#shared/codecs";
import { fixtureModel } from "./fixture.ts";
import { imageShape, luma } from "./image.ts";
import { type ExitPolicy, readMetadata } from "./metadata.ts";

const valid = fixtureModel().metadata;

test("valid metadata passes unchanged, through JSON too", () => {
  expect(readMetadata(valid)).toBe(valid);
  expect(readMetadata(JSON.parse(JSON.stringify(valid)))).toEqual(valid);
});

test("every field, absent or of another kind, is refused by its name", () => {
  for (const path of fieldPaths(valid)) {
    for (const wrong of [undefined, Number.NaN, -1, "", [], {}, [2, 0]]) {
      const name = path.at(-1)!;
      const freeForm = path.length === 1 && (name === "tensors" || name === "shards");
      if (freeForm && typeof wrong === "object" && !Array.isArray(wrong)) continue;
      const broken = replace(valid, path, wrong);
      const refused = expect.objectContaining({ code: "bad-metadata" });
      expect(() => readMetadata(broken), `${path.join(".")} = ${JSON.stringify(wrong)}`).toThrow(refused);
    }
    expect(() => readMetadata(replace(valid, path, undefined))).toThrow(path[0]!);
  }
});

test("an accuracy is null or within 0 to 1", () => {
  const withAccuracy = (accuracy: unknown) => () =>
    readMetadata(replace(valid, ["exits", "0", "accuracy"], accuracy));
  for (const accuracy of [null, 0, 0.5, 1]) expect(withAccuracy(accuracy)).not.toThrow();
  for (const accuracy of [-0.1, 1.1, "0.5", undefined]) expect(withAccuracy(accuracy)).toThrow("accuracy");
});

test("what was measured on the photos to choose on is absent or within 0 to 1", () => {
  for (const name of ["chosen", "int8Chosen", "int8"]) {
    const withShare = (share: unknown) => () => readMetadata(replace(valid, ["exits", "0", name], share));
    for (const share of [undefined, 0, 0.5, 1]) expect(withShare(share)).not.toThrow();
    for (const share of [-0.1, 1.1, "0.5", null]) expect(withShare(share)).toThrow(`exits[0].${name}`);
  }
  const withPolicy = (chosen: unknown) => () => readMetadata({ ...valid, policies: [{ ...policy, chosen }] });
  expect(withPolicy(0.5)).not.toThrow();
  expect(withPolicy(2)).toThrow("policies[0].chosen: expected 0..1, got 2");
});

test("a temperature is absent or positive", () => {
  const withTemperature = (temperature: unknown) => () =>
    readMetadata(replace(valid, ["exits", "0", "temperature"], temperature));
  for (const temperature of [undefined, 0.1, 1, 8]) expect(withTemperature(temperature)).not.toThrow();
  for (const temperature of [null, 0, -1, Number.POSITIVE_INFINITY, Number.NaN, "1"]) {
    expect(withTemperature(temperature), `${temperature}`).toThrow("exits[0].temperature");
  }
});

test("an input is RGB unless it says grey", () => {
  const withChannels = (channels: unknown) => readMetadata(replace(valid, ["input", "channels"], channels));
  for (const channels of [undefined, 1, 3]) {
    const { input } = withChannels(channels);
    expect(imageShape(input)).toEqual([8, 8, channels ?? 3]);
  }
  for (const channels of [null, 0, 2, 4, "1", [3]]) {
    expect(() => withChannels(channels), `${channels}`).toThrow("input.channels: expected 1 for grey or 3");
  }
  expect(luma(255, 255, 255)).toBeCloseTo(255, 10);
  expect(luma(10, 20, 30)).toBeCloseTo(18.15, 10);
});

const policy: ExitPolicy = {
  exit: "full",
  early: [
    { exit: "early", threshold: 0.8 },
    { exit: "middle", threshold: 0.9 },
  ],
  reach: [0.6, 0.3],
  accuracy: 0.79,
};

test("policies pass unchanged, with any earlier exits and with reach and thresholds at their limits", () => {
  const one = { exit: "middle", early: [{ exit: "early", threshold: 1 }], reach: [1], accuracy: 0 };
  const policies = [policy, one, { ...policy, reach: [0.5, 0.5] }, { ...policy, reach: [0, 0] }];
  expect(readMetadata({ ...valid, policies }).policies).toBe(policies);
  const { policies: _, ...without } = { ...valid, policies };
  expect(readMetadata(without).policies).toBeUndefined();
});

test("what is wrong in a policy is refused by its name", () => {
  const [early, middle] = policy.early;
  const wrong: [Record<string, unknown>, string][] = [
    [{ exit: "late" }, "exit"],
    [{ exit: "middle" }, "early[1].exit"],
    [{ early: undefined }, "early"],
    [{ early: [], reach: [] }, "early"],
    [{ early: [middle, early] }, "early[1].exit"],
    [{ early: [early, early] }, "early[1].exit"],
    [{ early: [{ ...early, exit: "late" }, middle] }, "early[0].exit"],
    [{ early: [early, { ...middle, exit: "full" }] }, "early[1].exit"],
    [{ early: [{ ...early, threshold: 1.1 }, middle] }, "early[0].threshold"],
    [{ early: [early, { exit: "middle" }] }, "early[1].threshold"],
    [{ early: ["early", middle] }, "early[0]"],
    [{ reach: undefined }, "reach"],
    [{ reach: [0.6] }, "reach"],
    [{ reach: [0.6, 0.61] }, "reach[1]"],
    [{ reach: [0.6, -0.1] }, "reach[1]"],
    [{ reach: [1.1, 0.3] }, "reach[0]"],
    [{ reach: [Number.NaN, 0.3] }, "reach[0]"],
    [{ accuracy: undefined }, "accuracy"],
    [{ accuracy: null }, "accuracy"],
    [{ accuracy: 1.5 }, "accuracy"],
    [{ answered: [0.9] }, "answered"],
    [{ answered: [0.9, 1.2] }, "answered"],
    [{ answered: 0.9 }, "answered"],
    [{ rest: [0.5] }, "rest"],
    [{ rest: { nobody: 0.5 } }, "rest"],
    [{ rest: {} }, "rest"],
    [{ rest: { [policy.exit]: 7 } }, `rest.${policy.exit}`],
  ];
  for (const [change, field] of wrong) {
    const refused = expect.objectContaining({
      code: "bad-metadata",
      message: expect.stringContaining(`policies[1].${field}: `),
    });
    const policies = [policy, { ...policy, ...change }];
    expect(() => readMetadata({ ...valid, policies }), JSON.stringify(change)).toThrow(refused);
  }
  for (const policies of [null, {}, [], "all"]) {
    expect(() => readMetadata({ ...valid, policies }), JSON.stringify(policies)).toThrow("policies");
  }
});

const codecs = {
  image: [
    { codec: "float32", deflate: false, bytes: 768, loss: { early: 0, middle: 0, full: 0 } },
    { codec: "webp", quality: 60, deflate: false, bytes: 70.5, loss: { full: -0.001 } },
    { codec: "webp", quality: 80, deflate: false, bytes: 90, loss: {} },
    { codec: "webp", quality: 80, deflate: true, bytes: 91, loss: {} },
  ],
  join: [{ codec: "uint4", deflate: true, bytes: 100, loss: { middle: 1 } }],
} as const;

test("measured codecs pass unchanged", () => {
  const withCodecs = { ...valid, codecs };
  expect(readMetadata(withCodecs)).toBe(withCodecs);
  expect(readMetadata({ ...valid, codecs: {} }).codecs).toEqual({});
});

test("what is wrong in a measured codec is refused by its name", () => {
  const [, webp] = codecs.image;
  const wrong: [Record<string, unknown>, string, string][] = [
    [{ codec: "gif" }, "image", "codec"],
    [{ codec: undefined }, "image", "codec"],
    [{ quality: undefined }, "image", "quality"],
    [{ quality: 0 }, "image", "quality"],
    [{ quality: 101 }, "image", "quality"],
    [{ quality: 50.5 }, "image", "quality"],
    [{ codec: "uint8" }, "image", "no quality"],
    [{}, "join", `codec of ${TENSOR_CODECS.join(", ")}, got`],
    [{ deflate: "yes" }, "image", "deflate"],
    [{ bytes: 0 }, "image", "bytes"],
    [{ bytes: Number.NaN }, "image", "bytes"],
    [{ bytes: "70" }, "image", "bytes"],
    [{ loss: undefined }, "image", "loss"],
    [{ loss: [] }, "image", "loss"],
    [{ loss: { late: 0 } }, "image", "loss: expected exits of early, middle, full"],
    [{ loss: { full: 1.01 } }, "image", "loss.full"],
    [{ loss: { full: null } }, "image", "loss.full"],
  ];
  for (const [change, tensor, field] of wrong) {
    const broken = { [tensor]: [{ ...webp, ...change }] };
    const refused = expect.objectContaining({
      code: "bad-metadata",
      message: expect.stringMatching(new RegExp(`codecs\\.${tensor}\\[0\\].*${field}`)),
    });
    expect(() => readMetadata({ ...valid, codecs: broken }), JSON.stringify(change)).toThrow(refused);
  }
  for (const broken of [
    null,
    [],
    7,
    { image: [] },
    { image: {} },
    { image: [7] },
    { elsewhere: codecs.join },
  ]) {
    expect(() => readMetadata({ ...valid, codecs: broken }), JSON.stringify(broken)).toThrow("codecs");
  }
  expect(() => readMetadata({ ...valid, codecs: { image: [webp, webp] } })).toThrow("each codec once");
});

test("ids are distinct and safe in a path", () => {
  for (const id of ["..", "a/b", "A", "", "-a", "a b"]) {
    expect(() => readMetadata({ ...valid, id }), id).toThrow("id");
    expect(() => readMetadata(replace(valid, ["exits", "0", "id"], id)), id).toThrow("id");
  }
  expect(() => readMetadata(replace(valid, ["exits", "0", "id"], valid.exits[1]!.id))).toThrow("distinct");
});

/** The path of every object, array and value but the numbers inside of arrays. */
function fieldPaths(value: unknown, path: readonly string[] = []): string[][] {
  const own = path.length === 0 ? [] : [[...path]];
  if (typeof value !== "object" || value === null) return own;
  const isList = Array.isArray(value) && typeof value[0] !== "object";
  return [
    ...own,
    ...(isList ? [] : Object.entries(value).flatMap(([key, v]) => fieldPaths(v, [...path, key]))),
  ];
}

function replace(value: unknown, path: readonly string[], by: unknown): unknown {
  if (path.length === 0) return by;
  const copy = structuredCloneOf(value);
  const [key, ...rest] = path;
  copy[key!] = replace(copy[key!], rest, by);
  return copy;
}

function structuredCloneOf(value: unknown): Record<string, unknown> {
  return (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
}
