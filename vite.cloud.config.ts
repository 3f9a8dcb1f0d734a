import { defineConfig } from "vite";

/**
 * The service as JavaScript that plain Node runs: `main.js`, and `tail-worker.js` and `frame-thread.js` for its threads
 * and processes. Packages
 * stay outside, in node_modules: of these the built service needs the `dependencies` of package.json and no others.
 */
export default defineConfig({
  build: {
    ssr: true,
    outDir: "dist/cloud",
    emptyOutDir: true,
    target: "node20",
    sourcemap: true,
    rolldownOptions: {
      input: {
        main: "apps/cloud/main.ts",
        "tail-worker": "apps/cloud/worker/tail-worker.ts",
        "frame-thread": "apps/cloud/worker/frame-thread.ts",
      },
      // All in one folder: workers are found beside whoever starts them.
      output: { entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js" },
    },
  },
});
