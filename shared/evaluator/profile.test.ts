import { expect, test } from "vitest";
import { type Profile, readProfile } from "./profile.ts";
import { USUAL_TRANSFER } from "./transfer.ts";

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
  transfer: USUAL_TRANSFER,
  samples: [
    { exit: "full", at: "join", medianMs: 3, p95Ms: 4 },
    { exit: "full", at: "join", from: "stem", medianMs: 2, p95Ms: 2 },
  ],
};

test("a profile survives JSON unchanged", () => {
  expect(readProfile(JSON.parse(JSON.stringify(valid)))).toEqual(valid);
});

test("every field, absent or of another kind, is refused by its name", () => {
  for (const field of Object.keys(valid)) {
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
  const { codecs } = USUAL_TRANSFER;
  const transfer = { ...USUAL_TRANSFER, codecs: { ...codecs, uint8: { perTensorMs: 0 } } };
  expect(() => readProfile({ ...valid, transfer })).toThrow("transfer.codecs.uint8.perElementMs");
  for (const wrong of [undefined, null, 7, []]) expect(() => readProfile(wrong)).toThrow("profile");
  expect(() => readProfile({ ...valid, selfTestMs: 0 })).toThrow("selfTestMs");
});
