import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What each part may import besides itself; `errors` and `random` are everybody's. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "shared/errors": [],
  "shared/random": [],
  "shared/graph": [],
  "shared/codecs": [],
  "shared/model": ["shared/codecs", "shared/graph", "@noble/hashes"],
  "shared/profile": ["shared/codecs", "shared/graph", "shared/model"],
  "shared/evaluator": ["shared/codecs", "shared/graph", "shared/model", "shared/profile"],
  "shared/optimizer": ["shared/graph", "shared/model", "shared/profile", "shared/evaluator"],
  "shared/policies": [
    "shared/codecs",
    "shared/graph",
    "shared/model",
    "shared/evaluator",
    "shared/optimizer",
  ],
  "shared/planning": [
    "shared/codecs",
    "shared/graph",
    "shared/model",
    "shared/profile",
    "shared/evaluator",
    "shared/optimizer",
    "shared/policies",
  ],
  "shared/network": ["shared/model"],
  "shared/learning": ["shared/model", "shared/evaluator", "shared/network"],
  "shared/protocol": ["shared/codecs", "shared/model", "secure-json-parse"],
  "shared/runtime": ["shared/model", "@tensorflow/tfjs-core", "@tensorflow/tfjs-converter"],
  "shared/exporting": ["shared/codecs", "shared/model"],
  "shared/onnx": ["shared/model", "shared/exporting", "protobufjs"],
  "shared/tflite": ["shared/model", "shared/exporting", "flatbuffers"],
  "apps/cloud": [
    "shared/codecs",
    "shared/graph",
    "shared/model",
    "shared/protocol",
    "shared/runtime",
    "packages",
    "apps/engines",
  ],
  "apps/engines": ["shared/model", "shared/onnx", "shared/runtime", "packages"],
  "apps/lab": ["shared", "apps/engines", "packages"],
  "apps/web": ["shared", "packages"],
  "apps/example": ["eddi-client"],
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
  const allowed = [part, "shared/errors", "shared/random", ...MAY_IMPORT[part]!];
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

/** What nobody may reach past: the client calls workers, and knows their conversations only; the page calls the client. */
const APART: readonly (readonly [string, string])[] = [
  ["apps/web/client", "apps/web/page"],
  ["apps/web/client", "apps/web/edge"],
  ["apps/web/client", "apps/web/optimizer"],
  ["apps/web/edge", "apps/web/client"],
  ["apps/web/optimizer", "apps/web/client"],
  ["apps/web/talk", "apps/web/client"],
  ["apps/web/service", "apps/web/client"],
  ["apps/web/page", "apps/web/edge"],
  ["apps/web/page", "apps/web/optimizer"],
  ["apps/web/optimizer", "apps/web/edge"],
  ["apps/web/edge", "apps/web/page"],
  ["apps/web/optimizer", "apps/web/page"],
];

test.each(APART)("nothing in %s imports from %s", (from, to) => {
  const wrong = sources(from).flatMap((file) =>
    neighbours(file)
      .filter((target) => target.startsWith(`${to}/`))
      .map((target) => `${file} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

test("the service's event loop imports nothing of what its workers run", () => {
  const wrong = sources("apps/cloud")
    .filter((file) => !file.startsWith("apps/cloud/worker/"))
    .flatMap((file) =>
      neighbours(file)
        .filter((target) => target.startsWith("apps/cloud/worker/"))
        .map((target) => `${file} imports ${target}`),
    );
  expect(wrong).toEqual([]);
});

test.each(["apps/cloud", "apps/lab", "apps/web", "shared"])(
  "no folders of %s import each other in a circle",
  (part) => {
    const reached = new Map<string, Set<string>>();
    for (const file of sources(part)) {
      for (const target of neighbours(file)) {
        const [from, to] = [dirname(file), dirname(target)];
        if (from !== to) reached.set(from, (reached.get(from) ?? new Set()).add(to));
      }
    }
    expect(circleIn(reached)).toEqual([]);
  },
);

test("the page goes to the client through its door", () => {
  const wrong = sources("apps/web/page").flatMap((file) =>
    neighbours(file)
      .filter((target) => target.startsWith("apps/web/client/") && target !== "apps/web/client/index.ts")
      .map((target) => `${file} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

test("nothing of a client is the thread's: two on one page keep apart", () => {
  const wrong = ["client", "talk", "service", "image"]
    .flatMap((folder) => sources(`apps/web/${folder}`))
    .filter((file) => /^(export )?(let|var)\b/m.test(code(readFileSync(join(ROOT, file), "utf8"))));
  expect(wrong).toEqual([]);
});

test("the client knows nothing of the page that it is on", () => {
  const wrong = ["client", "talk", "service"]
    .flatMap((folder) => sources(`apps/web/${folder}`))
    .filter((file) =>
      /\b(location|document|sessionStorage|localStorage)\b/.test(
        code(readFileSync(join(ROOT, file), "utf8")),
      ),
    );
  expect(wrong).toEqual([]);
});

/** Files of this repository that a file imports by their paths. */
function neighbours(file: string): string[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g);
  return [...found].map(([, specifier]) => join(dirname(file), specifier!));
}

/** A circle as its nodes in turn, or nothing where there is none. */
function circleIn(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): string[] => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return [];
    for (const next of edges.get(node) ?? []) {
      const circle = visit(next, [...path, node]);
      if (circle.length > 0) return circle;
    }
    done.add(node);
    return [];
  };
  for (const node of edges.keys()) {
    const circle = visit(node, []);
    if (circle.length > 0) return circle;
  }
  return [];
}

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
