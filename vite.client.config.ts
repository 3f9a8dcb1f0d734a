import { execFileSync } from "node:child_process";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { defineConfig, type Plugin } from "vite";

const OUT_DIR = "dist/client";

/** The workers' sources, as the client names them, and their files in the package. */
const WORKERS = { "../edge/worker.ts": "edge-worker", "../optimizer/worker.ts": "optimizer-worker" } as const;

/**
 * The client as a package that other apps install: ES modules that need no other package, its workers beside it, and
 * types. Bundlers take it as it is, and so does a browser.
 */
export default defineConfig({
  base: "./",
  plugins: [workersBeside(), packaged()],
  build: {
    outDir: OUT_DIR,
    emptyOutDir: true,
    target: "es2022",
    // Whoever builds an app minifies all of it.
    minify: false,
    license: { fileName: "third-party.md" },
    lib: {
      formats: ["es"],
      entry: {
        client: "apps/web/client/index.ts",
        "edge-worker": "apps/web/edge/worker.ts",
        "optimizer-worker": "apps/web/optimizer/worker.ts",
      },
    },
    rolldownOptions: {
      output: { chunkFileNames: "[name]-[hash].js", assetFileNames: "[name]-[hash][extname]" },
    },
  },
});

/**
 * Leaves `new Worker(new URL("./edge-worker.js", import.meta.url), ...)` in the package: the words by which bundlers
 * find workers. Vite would put files of its own making in their place, which the next bundler takes for pictures.
 */
function workersBeside(): Plugin {
  const mark = (file: string): string => `__${file.replace("-", "_")}__`;
  return {
    name: "workers-beside",
    enforce: "pre",
    transform(code, id) {
      if (!id.endsWith("/client/worker-end.ts")) return null;
      return Object.entries(WORKERS).reduce((text, [source, file]) => {
        const words = `new URL("${source}", import.meta.url)`;
        if (!text.includes(words)) this.error(`worker-end.ts: expected ${words}, got none`);
        return text.replace(words, mark(file));
      }, code);
    },
    renderChunk(code) {
      return Object.values(WORKERS).reduce(
        (text, file) => text.replace(mark(file), `new URL("./${file}.js", import.meta.url)`),
        code,
      );
    },
  };
}

/** Puts beside the scripts what makes them a package. */
function packaged(): Plugin {
  return {
    name: "packaged",
    apply: "build",
    closeBundle: {
      order: "post",
      async handler() {
        const { version, license } = JSON.parse(await readFile("package.json", "utf8"));
        await writeFile(
          join(OUT_DIR, "package.json"),
          `${JSON.stringify(manifest(version, license), null, 2)}\n`,
        );
        await copyFile("docs/client.md", join(OUT_DIR, "README.md"));
        await copyFile("LICENSE", join(OUT_DIR, "LICENSE"));
        const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
        const args = [join(typescript, "bin/tsc"), "-p", "apps/web/tsconfig.client.json"];
        execFileSync(process.execPath, args, { stdio: "inherit" });
      },
    },
  };
}

function manifest(version: string, license: string): object {
  return {
    name: "eddi-client",
    version,
    description: "Early-exit inference, split live between this browser and a cloud service",
    license,
    type: "module",
    exports: {
      ".": { types: "./types/apps/web/client/index.d.ts", default: "./client.js" },
      "./edge-worker": "./edge-worker.js",
      "./optimizer-worker": "./optimizer-worker.js",
      "./package.json": "./package.json",
    },
    // Of the types alone.
    imports: { "#shared/*": { types: "./types/shared/*/index.d.ts" } },
    sideEffects: ["./edge-worker.js", "./optimizer-worker.js"],
  };
}
