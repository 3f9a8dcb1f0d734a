import "@tensorflow/tfjs-backend-cpu";
import { memory, setBackend } from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { USUAL_CODEC } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import { miniPhotos } from "../data/fixture.ts";
import { openModelFolder } from "../files/model-folder.ts";
import { measureCodecs } from "./codec-costs.ts";
import { codedScores } from "./coded-scores.ts";
import { evaluateExits } from "./evaluate-exits.ts";

const photos = miniPhotos(30, 32);
let segments: SegmentModel;
beforeAll(async () => {
  await setBackend("cpu");
  segments = await openModelFolder("models/tiny");
});

test("accuracies and bytes are those of the table of all codecs", async () => {
  const table = await measureCodecs(segments, photos);
  const { numTensors } = memory();
  for (const [cut, codec] of [
    ["block2/point", "uint4"],
    ["stem/pool", "float32"],
    ["block1/add", "float16"],
  ] as const) {
    const exact = await codedScores(segments, photos, cut, { codec: "float32", deflate: false });
    const coded = await codedScores(segments, photos, cut, { codec, deflate: false });
    const row = table[cut]!.find((cost) => cost.codec === codec && !cost.deflate)!;
    expect(coded.bytes).toBe(row.bytes);
    expect(coded.exits.map(({ id }) => id)).toEqual(Object.keys(row.loss));
    const [before, after] = [exact, coded].map(({ exits, scores }) => evaluateExits(exits, scores));
    for (const [at, { exit, accuracy }] of after!.entries()) {
      expect(before![at]!.accuracy - accuracy).toBeCloseTo(row.loss[exit]!, 5);
    }
  }
  expect(memory().numTensors).toBe(numTensors);
});

test("deflate changes the bytes and nothing else; the image travels as a file too", async () => {
  const plain = await codedScores(segments, photos, "stem/pool", { codec: "uint8", deflate: false });
  const deflated = await codedScores(segments, photos, "stem/pool", { codec: "uint8", deflate: true });
  expect(deflated.bytes).toBeLessThan(plain.bytes);
  expect(deflated.scores).toEqual(plain.scores);
  const [coarse, fine] = await Promise.all(
    [20, 90].map((quality) =>
      codedScores(segments, photos, "image", { codec: "jpeg", quality, deflate: false }),
    ),
  );
  expect(coarse!.bytes).toBeLessThan(fine!.bytes);
});

test("a tensor that no exit lies behind is refused, with those there are", async () => {
  for (const cut of ["nothing", "exit3/scores", "toString"]) {
    await expect(codedScores(segments, photos, cut, USUAL_CODEC)).rejects.toMatchObject({
      code: "bad-argument",
      message: expect.stringMatching(new RegExp(`^--cut: expected one of image, stem/conv.*, got ${cut}$`)),
    });
  }
});
