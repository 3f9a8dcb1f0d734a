import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const files = execFileSync("git", ["ls-files"], { cwd: ROOT, encoding: "utf8" }).trim().split("\n");
const documents = files.filter(
  (file) => /^(docs\/|deploy\/)?[^/]+\.md$/.test(file) && file !== "CHANGELOG.md",
);
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

test("ARCHITECTURE is a front door: at most 150 lines", () => {
  expect(read("ARCHITECTURE.md").split("\n").length).toBeLessThanOrEqual(150);
});

test.each(documents)("%s: what it links to is there", (document) => {
  const links = [...read(document).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)|src="([^"]+)"/g)].map(
    (found) => found[1] ?? found[2]!,
  );
  const gone = links.filter(
    (link) => !/^[a-z]+:/.test(link) && !existsSync(join(ROOT, dirname(document), link)),
  );
  expect(gone).toEqual([]);
});

test.each(documents)("%s: every source that it names is there", (document) => {
  const named = [...read(document).matchAll(/`([\w./-]+\.(?:ts|tsx|mjs))`/g)].map(([, name]) => name!);
  const gone = named.filter((name) => !files.some((file) => file === name || file.endsWith(`/${name}`)));
  expect(gone).toEqual([]);
});

/** `0.97<!--FILE NAME-->`: a number that a document quotes, and the constant that it is; `/1000` is its unit. */
const QUOTE = /([\d.,]+(?: ?%)?)<!--([\w./-]+) (\w+)(?: \/([\de]+))?-->/g;

test.each(documents)("%s: the numbers that it quotes are the code's", (document) => {
  for (const [, quoted, file, name, unit = "1"] of read(document).matchAll(QUOTE)) {
    const value = constantIn(file!, name!) / Number(unit);
    const told = quoted!.endsWith("%")
      ? Number.parseFloat(quoted!) / 100
      : Number(quoted!.replaceAll(",", ""));
    expect(told, `${document} quotes ${name}`).toBeCloseTo(value, 12);
  }
});

test("documents quote numbers", () => {
  expect(documents.flatMap((document) => [...read(document).matchAll(QUOTE)]).length).toBeGreaterThan(20);
});

/** The number that a source gives a name: products of numbers, as `5 * 60_000`. */
function constantIn(file: string, name: string): number {
  const value = new RegExp(`\\b${name}(?:: number)? ?[=:] ?(\\d[\\d._e]*(?: \\* \\d[\\d_]*)*)`).exec(
    read(file),
  )?.[1];
  if (value === undefined) throw new Error(`${file}: expected a number named ${name}, got none`);
  const factors = value.replaceAll("_", "").split("*").map(Number);
  return factors.reduce((product, factor) => product * factor, 1);
}
