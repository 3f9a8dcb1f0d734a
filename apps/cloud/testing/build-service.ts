import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build, loadConfigFromFile, mergeConfig } from "vite";
import { builtFile } from "./built.ts";

const FIXTURE = "poisonable-worker-fixture";
const CONFIG = fileURLToPath(new URL("../../../vite.cloud.config.ts", import.meta.url));

/** Before the first test: the built service is what the sources say, with a worker that tests can spoil beside it. */
export default async function buildService(): Promise<void> {
  const { config } = (await loadConfigFromFile({ command: "build", mode: "production" }, CONFIG))!;
  const input = { [FIXTURE]: `apps/cloud/worker/${FIXTURE}.ts` };
  const more = { build: { outDir: dirname(builtFile(FIXTURE)), rolldownOptions: { input } } };
  await build({ ...mergeConfig(config, more), configFile: false, logLevel: "error" });
}
