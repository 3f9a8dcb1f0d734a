import { defineConfig } from "vitest/config";

/** Where `vite dev` finds the cloud service. */
const CLOUD = "http://127.0.0.1:8080";

export default defineConfig({
  root: "apps/web",
  build: { outDir: "../../dist/web", emptyOutDir: true, target: "es2022", sourcemap: true },
  worker: { format: "es" },
  server: { proxy: { "/v2": CLOUD, "/models": CLOUD, "/samples": CLOUD } },
  test: {
    root: ".",
    include: ["**/*.test.ts"],
    exclude: ["e2e/**", "node_modules/**", "dist/**"],
  },
});
