import { expect, test } from "vitest";
import { agrees, ranking } from "./ranking.ts";

test("few classes show three, many show five, best first, namesakes apart", () => {
  const few = ["a", "b", "c", "d"];
  expect(ranking([0.1, 0.4, 0.2, 0.3], few).map(({ label }) => label)).toEqual(["b", "d", "c"]);
  const many = Array.from({ length: 1001 }, (_, at) => (at % 2 === 0 ? "crane" : `class ${at}`));
  const best = ranking(
    Float32Array.from(many, (_, at) => at),
    many,
  );
  expect(best.map(({ at }) => at)).toEqual([1000, 999, 998, 997, 996]);
  expect(best[0]).toEqual({ at: 1000, label: "crane", score: 1000 });
});

test("a label is right by any of its synonyms, and neither right nor wrong where the model has no such class", () => {
  const labels = ["tench, Tinca tinca", "golf ball", "French horn, horn"];
  expect(agrees("tench, Tinca tinca", "tench", labels)).toBe(true);
  expect(agrees("golf ball", "golf ball", labels)).toBe(true);
  expect(agrees("golf ball", "french horn", labels)).toBe(false);
  expect(agrees("golf ball", "drawing: a house", labels)).toBeNull();
  expect(agrees("golf ball", "golf", labels)).toBeNull();
});
