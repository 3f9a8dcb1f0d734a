import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Keys, newKey, presentedKey, readKeys } from "./keys.ts";

test("a new key is its owner's, and nobody's when anything of it differs", () => {
  const [ada, bob] = [newKey("ada"), newKey("bob")];
  const keys = new Keys(`# who may come in\n${ada.line}\r\n\n  ${bob.line}  \n`);
  expect(keys.count).toBe(2);
  expect([keys.ownerOf(ada.key), keys.ownerOf(bob.key)]).toEqual(["ada", "bob"]);
  for (let at = 0; at < ada.key.length; at++) {
    const other = ada.key[at] === "x" ? "y" : "x";
    expect(keys.ownerOf(ada.key.slice(0, at) + other + ada.key.slice(at + 1))).toBeNull();
  }
  for (const wrong of ["", ada.key.slice(1), `${ada.key} `, ada.line, ada.line.slice(4)]) {
    expect(keys.ownerOf(wrong)).toBeNull();
  }
});

test("keys are random, and what is stored does not hold them", () => {
  const made = Array.from({ length: 100 }, () => newKey("ada"));
  expect(new Set(made.map(({ key }) => key)).size).toBe(100);
  for (const { key, line } of made) {
    expect(key).toMatch(/^eddi_[\w-]{43}$/);
    expect(line).toMatch(/^ada:[0-9a-f]{64}$/);
  }
  expect(() => newKey("a:b")).toThrow("--new-key: expected letters, digits, - and _, got a:b");
});

const digest = "0".repeat(64);
test.each([
  ["", "expected at least one key, got none"],
  ["# nobody\n", "expected at least one key, got none"],
  [`ada:${digest}\nada:${digest}`, "line 2: expected a name of its own"],
  [`ada ${digest}`, "line 1: expected"],
  [`ada:${digest}0`, "line 1: expected"],
  ["ada:secret", "line 1: expected"],
  [`:${digest}`, "line 1: expected"],
])("the file %j is refused, and the error does not show it", (text, message) => {
  expect(() => new Keys(text)).toThrow(message);
  expect(() => new Keys(text)).not.toThrow(/secret|000/);
});

test("a file that cannot be read is named", async () => {
  const dir = await mkdtemp(join(tmpdir(), "eddi-keys-"));
  const path = join(dir, "keys");
  await expect(readKeys(path)).rejects.toThrow(`--keys ${path}: expected a readable file, got ENOENT`);
  await writeFile(path, "nonsense");
  await expect(readKeys(path)).rejects.toThrow(`--keys ${path}: line 1: expected`);
  await writeFile(path, newKey("ada").line);
  expect((await readKeys(path)).count).toBe(1);
  await rm(dir, { recursive: true });
});

test("a key comes as a bearer's or by its own header", () => {
  expect(presentedKey({ authorization: "Bearer k1" })).toBe("k1");
  expect(presentedKey({ authorization: "bearer k1", "x-api-key": "k2" })).toBe("k1");
  expect(presentedKey({ authorization: "Basic k1", "x-api-key": "k2" })).toBe("k2");
  for (const authorization of ["Bearer ", "Bearer a b", "Bearer\tk1", "k1", `Bearer ${"k".repeat(257)}`]) {
    expect(presentedKey({ authorization })).toBeNull();
  }
  expect(presentedKey({})).toBeNull();
});
