import { expect, test } from "vitest";
import { modelWords } from "./model-words.ts";

const facts = {
  weightBytes: 5_200_000,
  exits: [{ accuracy: 0.844 }, { accuracy: 0.906 }],
  classes: 2,
  firstClasses: ["tench, Tinca tinca", "church"],
};

test("a model's card says what it weighs, where it answers, how right that is, and what it knows", () => {
  expect(modelWords(facts)).toBe(
    "5.2\u00a0MB. Answers at 2 places, right in 84.4 to 90.6 of 100. Knows 2 things: tench, church.",
  );
  expect(modelWords({ ...facts, exits: [{ accuracy: 0.9 }], classes: 1000 })).toBe(
    "5.2\u00a0MB. Answers at its end, right in 90.0 of 100. Knows 1000 things: tench, church, ….",
  );
  const imported = [{ accuracy: null, agreement: 0.93 }, { accuracy: null }];
  expect(modelWords({ ...facts, exits: imported, classes: 0, firstClasses: [] })).toBe(
    "5.2\u00a0MB. Answers at 2 places, as the whole model in 93.0 of 100.",
  );
});
