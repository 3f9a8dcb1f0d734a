import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { createServer, type Plugin } from "vite";
import { defineConfig } from "vitest/config";

const OUT_DIR = "dist/web";
/** The service worker, which keeps the page for visits without a network. */
const OFFLINE = "service-worker";
/**
 * Tests that have a process of their own: of TensorFlow as the lab trains with it, which is the backend of all of a process
 * and reads the environment once; and where a module is mocked.
 */
const ALONE = ["apps/lab/{train,engine}/**/*.test.ts", "apps/web/edge/engine/engine-keeper.test.ts"];
/** The service as it is deployed, which tests start. */
const OF_SERVICES = {
  globalSetup: "apps/cloud/testing/build-service.ts",
  setupFiles: "apps/cloud/testing/use-built-workers.ts",
};
/** What only some browsers need: backends and runtimes that others do without. WASM is everybody's reserve. */
const OF_SOME = /\/(webgpu|webgl|tfjs-backend-wasm|litert|litert_wasm_internal)-(?!simd-)/;

export default defineConfig({
  root: "apps/web",
  // Addresses are relative: a proxy may serve the page below any prefix.
  base: "./",
  plugins: [shownAtOnce(), finished(OUT_DIR)],
  build: {
    outDir: `../../${OUT_DIR}`,
    emptyOutDir: true,
    target: "es2022",
    sourcemap: true,
    // It would watch all that changes in the page, for browsers that fetch what is imported all the same.
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // Compressing takes its time, and should.
      checks: { pluginTimings: false },
      input: { index: "apps/web/index.html", [OFFLINE]: "apps/web/offline/service-worker.ts" },
      output: {
        // A browser looks for a new one under the same name, and lets it serve what lies below its folder.
        entryFileNames: ({ name }) => (name === OFFLINE ? "[name].js" : "assets/[name]-[hash].js"),
        codeSplitting: atOnce("index"),
      },
    },
  },
  worker: {
    format: "es",
    plugins: () => [withoutNode()],
    rolldownOptions: { output: { codeSplitting: atOnce("worker") } },
  },
  // Vite looks for dependencies in pages only; found later, in a worker, they would reload the page.
  optimizeDeps: { entries: ["index.html", "*/worker.ts"] },
  test: {
    root: ".",
    projects: [
      // A test that shares its modules with others leaves them as they were: what is loaded once for all takes half the time.
      { extends: true, test: { name: "shared", include: ["shared/**/*.test.ts"], isolate: false } },
      {
        extends: true,
        test: {
          name: "apps",
          include: ["{apps,docs,scripts}/**/*.test.ts"],
          exclude: ALONE,
          isolate: false,
          ...OF_SERVICES,
        },
      },
      { extends: true, test: { name: "alone", include: ALONE } },
    ],
    // Many tests wait for processes and clocks: one more than there are cores leaves none idle.
    maxWorkers: availableParallelism() + 1,
    // Nothing is judged by its speed, and machines may be busy.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 120_000 } },
    coverage: {
      include: ["apps/**/*.{ts,tsx}", "shared/**/*.ts"],
      exclude: ["**/*.test.ts", "**/*fixture.ts", "**/*.d.ts", "**/bench/**"],
      reportOnFailure: true,
    },
  },
});

/** What starts with an entry comes in one file, also what is fetched later too: each file more is a wait more on a slow link. */
function atOnce(name: string) {
  return { groups: [{ name, tags: ["$initial" as const], test: (id: string) => !id.includes(OFFLINE) }] };
}

/** Puts into the built page what it shows before anything is known: it is seen while scripts are on their way. */
function shownAtOnce(): Plugin {
  return {
    name: "shown-at-once",
    apply: "build",
    transformIndexHtml: {
      order: "pre",
      async handler(html) {
        const server = await createServer({
          configFile: false,
          root: "apps/web",
          appType: "custom",
          server: { middlewareMode: true, ws: false, watch: null },
          optimizeDeps: { noDiscovery: true },
        });
        try {
          const { firstView } = await server.ssrLoadModule("/page/first-view.tsx");
          return html.replace(
            '<div id="app"></div>',
            () => `<div id="app">${(firstView as () => string)()}</div>`,
          );
        } finally {
          await server.close();
        }
      },
    },
  };
}

/** LiteRT's script asks for modules of Node where it finds itself there, which no browser has. */
function withoutNode(): Plugin {
  const NOTHING = "\0nothing-of-node";
  return {
    name: "without-node",
    enforce: "pre",
    resolveId: (source, importer) =>
      source.startsWith("node:") && importer?.includes("/litert_wasm") ? NOTHING : null,
    load: (id) => (id === NOTHING ? "export default {};" : null),
  };
}

/** What is to be done when all files are written, once for page and workers together. */
function finished(folder: string): Plugin {
  return {
    name: "finished",
    apply: "build",
    closeBundle: {
      order: "post",
      async handler() {
        await askForStyleFirst(folder);
        await fetchAhead(folder);
        await tellFiles(folder);
        await compress(folder);
      },
    },
  };
}

/** Asks for the page's style before its script: the first connection is there already, others have to be made. */
async function askForStyleFirst(folder: string): Promise<void> {
  const page = join(folder, "index.html");
  const html = await readFile(page, "utf8");
  const [style] = / *<link rel="stylesheet"[^>]*>\n/.exec(html) ?? [];
  if (style === undefined) throw new Error("index.html: expected a style sheet, got none");
  await writeFile(
    page,
    html.replace(style, "").replace(/ *<script type="module"/, (script) => style + script),
  );
}

/** Has a browser fetch beside the page's own scripts what they would only ask for once they run: the workers'. */
async function fetchAhead(folder: string): Promise<void> {
  const scripts = (await readdir(join(folder, "assets"))).filter((name) =>
    /^(worker|engines)-.*\.js$/.test(name),
  );
  const texts = await Promise.all(scripts.map((name) => readFile(join(folder, "assets", name), "utf8")));
  const imported = texts.flatMap((text) =>
    [...text.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)].map(([, name]) => name!),
  );
  const links = [...new Set([...scripts, ...imported])].map(
    (name) => `    <link rel="prefetch" href="./assets/${name}" />\n`,
  );
  const page = join(folder, "index.html");
  await writeFile(page, (await readFile(page, "utf8")).replace("  </head>", `${links.join("")}  </head>`));
}

/** Tells the service worker what there is to keep, and of which version that is. */
async function tellFiles(folder: string): Promise<void> {
  const names = (await readdir(folder, { recursive: true }))
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => /^assets\/.*\.(css|js|wasm|jpg|webp|svg)$|\.(webmanifest|png)$/.test(name))
    .sort();
  const page = await readFile(join(folder, "index.html"));
  const script = join(folder, `${OFFLINE}.js`);
  const text = await readFile(script, "utf8");
  const hash = (bytes: string | Buffer): string => createHash("sha256").update(bytes).digest("hex");
  const list = (which: readonly string[]): string => which.map((name) => JSON.stringify(name)).join();
  const told = {
    VERSION: JSON.stringify(hash(`${hash(page)} ${names} ${text}`).slice(0, 16)),
    PAGE_HASH: JSON.stringify(hash(page)),
    FILES: list(names.filter((name) => !OF_SOME.test(name))),
    SOME_FILES: list(names.filter((name) => OF_SOME.test(name))),
  };
  const whole = Object.entries(told).reduce((before, [name, value]) => {
    const mark = new RegExp(`(["'\`])__${name}__\\1`);
    if (!mark.test(before)) throw new Error(`${OFFLINE}.js: expected a place for ${name}, got none`);
    return before.replace(mark, () => value);
  }, text);
  await writeFile(script, whole);
}

/** What would take longer to compress than all else takes to build, for a tenth of its size. */
const LARGE_BYTES = 4 << 20;

/** Writes `.br` and `.gz` beside what the page downloads; the service sends the one that the browser takes. */
async function compress(folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true });
  const files = names.filter((name) => /\.(css|html|js|wasm|webmanifest)$/.test(name));
  for (const file of files.map((name) => join(folder, name))) {
    const bytes = await readFile(file);
    const quality = bytes.length > LARGE_BYTES ? 9 : constants.BROTLI_MAX_QUALITY;
    const params = { [constants.BROTLI_PARAM_QUALITY]: quality };
    await writeFile(`${file}.br`, await promisify(brotliCompress)(bytes, { params }));
    await writeFile(`${file}.gz`, await promisify(gzip)(bytes, { level: 9 }));
  }
}
