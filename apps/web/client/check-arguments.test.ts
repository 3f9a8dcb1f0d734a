import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { parseCodec } from "#shared/model";
import {
  checkBudget,
  checkImage,
  checkLoad,
  checkMinAccuracy,
  checkOptions,
  checkTiming,
} from "./check-arguments.ts";

/** What Node has not; a browser's own are tried end to end. */
class Pixels {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.data = new Uint8ClampedArray(4 * width * height);
  }
}
class Bitmap extends Pixels {}
/** Its own size is that of its memory. */
class Frame {
  readonly displayWidth: number;
  readonly displayHeight: number;

  constructor(width: number, height: number) {
    this.displayWidth = width;
    this.displayHeight = height;
  }
}
beforeAll(() => {
  vi.stubGlobal("ImageData", Pixels);
  vi.stubGlobal("ImageBitmap", Bitmap);
  vi.stubGlobal("VideoFrame", Frame);
});
afterAll(() => vi.unstubAllGlobals());

const WRONG: readonly unknown[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -5,
  "300",
  {},
  [],
  true,
  () => 1,
  10n,
];

const refused = (act: () => unknown): unknown => {
  try {
    act();
    return null;
  } catch (thrown) {
    return thrown;
  }
};

function expectRefused(check: (value: unknown) => unknown, values: readonly unknown[], name: string): void {
  for (const value of values) {
    const error = refused(() => check(value));
    expect(error, `${name}: ${String(value)}`).toMatchObject({
      code: "bad-argument",
      message: expect.stringMatching(new RegExp(`^${name.replace(/[[\]]/g, "\\$&")}: expected .*, got .`)),
    });
  }
}

test("the slider's budget is one that it can show", () => {
  for (const good of [5, 300, 10_000, 12.5]) expect(checkBudget(good)).toBe(good);
  expectRefused(checkBudget, [...WRONG, null, undefined, 0, 4.9, 1e9], "budgetMs");
});

test("a load and an accuracy are numbers in their range, or null", () => {
  for (const good of [null, 0.1, 100_000]) expect(checkLoad(good)).toBe(good);
  expectRefused(checkLoad, [...WRONG, undefined, 0], "framesPerSecond");
  for (const good of [null, 0, 0.99, 1]) expect(checkMinAccuracy(good)).toBe(good);
  expectRefused(checkMinAccuracy, [...WRONG, undefined, 1.01, 85], "minAccuracy");
});

test("every option of an answer is checked, and one that there is not is named", () => {
  expect(checkOptions(undefined)).toEqual({ options: {}, signal: undefined });
  const plan = { exit: "exit1", head: ["image"], early: [{ exit: "exit0", threshold: 0.5 }], codecs: {} };
  const { signal } = new AbortController();
  expect(checkOptions({ budgetMs: 60_000, plan, codec: "uint4+deflate", signal })).toEqual({
    options: { budgetMs: 60_000, plan, codec: parseCodec("uint4+deflate") },
    signal,
  });
  expect(checkOptions({ budgetMs: undefined, plan: undefined, codec: undefined, signal: undefined })).toEqual(
    {
      options: {},
      signal: undefined,
    },
  );
  const option = (name: string) => (value: unknown) => checkOptions({ [name]: value });
  expectRefused(option("budgetMs"), [...WRONG, null, 0, 1e9], "budgetMs");
  expectRefused(option("codec"), [...WRONG, null, "", "jpeg:0", "uint3"], "codec");
  expectRefused(option("signal"), [...WRONG, null, { aborted: false }], "signal");
  expectRefused(option("plan"), [null, "exit1", 5, [plan], true], "plan");
  expectRefused(
    (exit) => checkOptions({ plan: { ...plan, exit } }),
    [...WRONG.slice(0, 3), null, undefined],
    "plan.exit",
  );
  expectRefused(
    (head) => checkOptions({ plan: { ...plan, head } }),
    [null, undefined, "image", {}, [1]],
    "plan.head",
  );
  expectRefused((early) => checkOptions({ plan: { ...plan, early } }), [null, "x", {}, 5], "plan.early");
  const asked = (one: unknown) => checkOptions({ plan: { ...plan, early: [one] } });
  expectRefused(asked, [null, "exit0", 5], "plan.early[0]");
  expectRefused((exit) => asked({ exit, threshold: 0 }), [null, 5], "plan.early[0].exit");
  expectRefused((threshold) => asked({ exit: "exit0", threshold }), [null, "0"], "plan.early[0].threshold");
  expectRefused((codecs) => checkOptions({ plan: { ...plan, codecs } }), [null, "uint4", []], "plan.codecs");
  const onProvisional = () => {};
  expect(checkOptions({ onProvisional })).toMatchObject({ options: {}, onProvisional });
  expectRefused(option("onProvisional"), [null, "yes", {}], "onProvisional");
  const insured = (insurance: unknown) => checkOptions({ plan: { ...plan, insurance } });
  expect(insured({ exit: "exit0" }).options.plan).toEqual({ ...plan, insurance: { exit: "exit0" } });
  expectRefused(insured, [null, "exit0", 5], "plan.insurance");
  expectRefused((exit) => insured({ exit }), [null, 5], "plan.insurance.exit");
  expectRefused(checkOptions, ["300", 5, [], true], "options");
  expect(refused(() => checkOptions({ budget: 100 }))).toMatchObject({
    code: "bad-argument",
    message:
      "options: expected budgetMs,minAccuracy,plan,codec,signal,opened,onPicture,onProvisional, got budget",
  });
});

test("an image is one of five things, with pixels in it", () => {
  const wholes = [new ImageData(1, 1), new Bitmap(2, 2), new Frame(2, 2)];
  for (const good of [new Blob(["x"]), new Float32Array(3), ...wholes]) {
    expect(checkImage(good)).toBe(good);
  }
  expectRefused(checkImage, [...WRONG, null, undefined, "photo.jpg", new Uint8Array(4), [1, 2, 3]], "image");
  for (const gone of [new ImageData(0, 0), new Bitmap(0, 0), new Frame(0, 0)]) {
    expect(refused(() => checkImage(gone))).toMatchObject({ code: "bad-image" });
  }
});

test("what is to be timed is whole", () => {
  const segment = { nodes: ["a"], feeds: ["image"], outputs: ["a"] };
  const size = { height: 8, width: 8, channels: 3 };
  for (const good of [
    { part: "whole", runs: 1, segment },
    { part: "inside", runs: 3, segment },
    { part: "move", runs: 1, elements: 10 },
    { part: "code", runs: 1, codec: "uint4", elements: 10 },
    { part: "deflate", runs: 1, bytes: 10 },
    { part: "image", runs: 1, codec: "jpeg", size },
  ]) {
    expect(checkTiming(good)).toBe(good);
  }
  expectRefused(checkTiming, [null, undefined, "whole", 5], "what");
  expectRefused((part) => checkTiming({ part, runs: 1 }), [null, undefined, "all", 5], "what.part");
  expectRefused(
    (runs) => checkTiming({ part: "move", runs, elements: 1 }),
    [...WRONG, 0, 1.5, 1e9],
    "what.runs",
  );
  expectRefused(
    (elements) => checkTiming({ part: "move", runs: 1, elements }),
    [...WRONG, 0],
    "what.elements",
  );
  expectRefused(
    (one) => checkTiming({ part: "whole", runs: 1, segment: one }),
    [null, undefined, 5],
    "what.segment",
  );
  expectRefused(
    (nodes) => checkTiming({ part: "whole", runs: 1, segment: { ...segment, nodes } }),
    [null, "a", [1]],
    "what.segment.nodes",
  );
  expectRefused(
    (height) => checkTiming({ part: "image", runs: 1, codec: "jpeg", size: { ...size, height } }),
    [...WRONG, 0],
    "what.size.height",
  );
});
