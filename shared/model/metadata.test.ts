import { expect, test } from "vitest";
import { fixtureModel } from "./fixture.ts";
import { readMetadata } from "./metadata.ts";

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
