import { readdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const OUT_DIR = "dist/web";

export default defineConfig({
  root: "apps/web",
  // Addresses are relative: a proxy may serve the page below any prefix.
  base: "./",
  plugins: [compressed(OUT_DIR)],
  build: {
    outDir: `../../${OUT_DIR}`,
    emptyOutDir: true,
    target: "es2022",
    sourcemap: true,
    // Compressing takes its time, and should.
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  worker: { format: "es" },
  // Vite looks for dependencies in pages only; found later, in a worker, they would reload the page.
  optimizeDeps: { entries: ["index.html", "*/worker.ts"] },
  test: {
    root: ".",
    projects: [
      // Pure functions, which no test changes: their modules are read once for all, which halves what these tests take.
      { extends: true, test: { name: "shared", include: ["shared/**/*.test.ts"], isolate: false } },
      {
        extends: true,
        test: {
          name: "apps",
          include: ["{apps,docs,scripts}/**/*.test.ts"],
          globalSetup: "apps/cloud/testing/build-service.ts",
          setupFiles: "apps/cloud/testing/use-built-workers.ts",
        },
      },
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

/** Writes `.br` and `.gz` beside what the page downloads; the service sends the one that the browser takes. */
function compressed(folder: string): Plugin {
  return {
    name: "compressed",
    apply: "build",
    closeBundle: {
      // After the files are written, once for page and workers together.
      order: "post",
      async handler() {
        const names = await readdir(folder, { recursive: true });
        const files = names.filter((name) => /\.(css|html|js|wasm)$/.test(name));
        for (const file of files.map((name) => join(folder, name))) {
          const bytes = await readFile(file);
          await writeFile(`${file}.br`, await promisify(brotliCompress)(bytes));
          await writeFile(`${file}.gz`, await promisify(gzip)(bytes, { level: 9 }));
        }
      },
    },
  };
}
