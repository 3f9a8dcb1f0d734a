import { expect, test } from "vitest";
import { type Profile, readProfile } from "./profile.ts";
import { USUAL_TRANSFERS } from "./transfer.ts";

const valid: Profile = {
  format: 2,
  model: "fixture",
  version: "0123456789abcdef",
  role: "tail",
  device: "test",
  backend: "cpu",
  fixedMs: 0,
  selfTestMs: 2,
  nodeMs: { stem: 1.5, join: 0 },
  detourMs: { join: 0.25 },
  transfer: USUAL_TRANSFERS.tail,
  samples: [
    { exit: "full", at: "join", medianMs: 3, p95Ms: 4 },
    { exit: "full", at: "join", from: "stem", medianMs: 2, p95Ms: 2 },
  ],
};

test("a profile survives JSON unchanged", () => {
  expect(readProfile(JSON.parse(JSON.stringify(valid)))).toEqual(valid);
});

test("learned codecs' times may be there or not", () => {
  const { detourMs: _, ...older } = valid;
  expect(readProfile(older)).toEqual(older);
});

test("every field, absent or of another kind, is refused by its name", () => {
  for (const field of Object.keys(valid).filter((one) => one !== "detourMs")) {
    for (const wrong of [undefined, null, -1, Number.NaN, "", [7], { stem: "1" }]) {
      const read = () => readProfile({ ...valid, [field]: wrong });
      expect(read, `${field} = ${wrong}`).toThrow(expect.objectContaining({ code: "bad-profile" }));
      expect(read).toThrow(field);
    }
  }
  for (const field of Object.keys(valid.samples[0]!)) {
    const read = () => readProfile({ ...valid, samples: [{ ...valid.samples[0], [field]: -1 }] });
    expect(read).toThrow(`samples[0].${field}`);
  }
  for (const wrong of [null, -1, { join: -1 }, { join: null }, [7]]) {
    expect(() => readProfile({ ...valid, detourMs: wrong })).toThrow("profile, detourMs");
  }
  const { codecs } = USUAL_TRANSFERS.tail;
  const transfer = { ...USUAL_TRANSFERS.tail, codecs: { ...codecs, uint8: { perTensorMs: 0 } } };
  expect(() => readProfile({ ...valid, transfer })).toThrow("transfer.codecs.uint8.perElementMs");
  const slow = { ...USUAL_TRANSFERS.tail, deflate: { perTensorMs: 0, perByteMs: -1 } };
  expect(() => readProfile({ ...valid, transfer: slow })).toThrow("transfer.deflate.perByteMs");
  for (const wrong of [undefined, null, 7, []]) expect(() => readProfile(wrong)).toThrow("profile");
  expect(() => readProfile({ ...valid, selfTestMs: 0 })).toThrow("selfTestMs");
});

test("what an older file does not tell of codecs is as usual, at the pace of its uint8", () => {
  const { uint8, float32, uint4, webp } = USUAL_TRANSFERS.tail.codecs;
  const twice = { perTensorMs: 0, perElementMs: 2 * uint8.perElementMs };
  const { transfer } = readProfile({
    ...valid,
    transfer: { perTensorMs: 1, perByteMs: 2, codecs: { uint8: twice, float32 } },
  });
  expect(transfer.codecs).toMatchObject({ uint8: twice, float32 });
  expect(transfer).toMatchObject({ perTensorMs: 1, perByteMs: 2 });
  expect(transfer.codecs.uint4.perElementMs).toBeCloseTo(2 * uint4.perElementMs, 12);
  expect(transfer.codecs.webp.perTensorMs).toBeCloseTo(2 * webp.perTensorMs, 12);
  expect(transfer.deflate.perByteMs).toBeCloseTo(2 * USUAL_TRANSFERS.tail.deflate.perByteMs, 12);
});
