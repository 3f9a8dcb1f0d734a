import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What each part may import besides itself; `errors` is everybody's. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "shared/errors": [],
  "shared/graph": [],
  "shared/model": ["shared/graph", "@noble/hashes"],
  "shared/evaluator": ["shared/graph", "shared/model"],
  "shared/optimizer": ["shared/graph", "shared/model", "shared/evaluator"],
  "shared/policies": ["shared/graph", "shared/model", "shared/evaluator", "shared/optimizer"],
  "shared/network": ["shared/model"],
  "shared/protocol": ["shared/model", "secure-json-parse"],
  "shared/runtime": ["shared/model", "@tensorflow/tfjs-core", "@tensorflow/tfjs-converter"],
  "apps/cloud": ["shared/graph", "shared/model", "shared/protocol", "shared/runtime", "packages"],
  "apps/lab": ["shared", "packages"],
  "apps/web": ["shared", "packages"],
};

const parts = Object.keys(MAY_IMPORT);
const partOf = (path: string): string | undefined => parts.find((part) => path.startsWith(`${part}/`));

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(ts|tsx|mjs)$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((path) => !/\.test\.tsx?$|fixture\.ts$|\.d\.ts$/.test(path));
}

/** What a file imports: a part of the house, or a package's name. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const found = text.matchAll(
    /(?:\bfrom|\bimport|\brequire|import\.meta\.resolve)\s*\(?\s*["']([^"']+)["']/g,
  );
  return [...found].map(([, specifier]) => {
    if (specifier!.startsWith("#shared/")) return `shared/${specifier!.slice("#shared/".length)}`;
    if (specifier!.startsWith(".")) return partOf(join(dirname(file), specifier!)) ?? `outside: ${specifier}`;
    if (specifier!.startsWith("node:")) return "node";
    return specifier!
      .split("/")
      .slice(0, specifier!.startsWith("@") ? 2 : 1)
      .join("/");
  });
}

test.each(parts)("%s imports only what stands below it", (part) => {
  const allowed = [part, "shared/errors", ...MAY_IMPORT[part]!];
  const isAllowed = (target: string): boolean => {
    if (allowed.includes(target)) return true;
    if (target.startsWith("shared/")) return allowed.includes("shared") && parts.includes(target);
    return allowed.includes("packages") && !target.startsWith("apps/") && !target.startsWith("outside");
  };
  const files = sources(part);
  expect(files.length).toBeGreaterThan(0);
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((target) => !isAllowed(target))
      .map((target) => `${file} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

test("shared reads no clock, network, file or environment", () => {
  const ambient =
    /\b(Date\.now|new Date\(\)|performance\.now|fetch\(|process\.|setTimeout|Math\.random|navigator)\b/;
  const wrong = sources("shared").filter((file) =>
    ambient.test(code(readFileSync(join(ROOT, file), "utf8"))),
  );
  expect(wrong).toEqual([]);
});

/** A source without its comments. */
const code = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
