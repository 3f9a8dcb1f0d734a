// npm run demo: installs and builds when needed, then runs the lab's demo.
import { ensureChromium } from "./chromium.mjs";
import { ensureBuilt, ensureInstalled, runScript, runTool } from "./ensure.mjs";

await runScript(async () => {
  await ensureInstalled();
  await ensureBuilt();
  const env = { CHROME_PATH: await ensureChromium() };
  const { status } = runTool("tsx/dist/cli.mjs", ["apps/lab/main.ts", "demo", ...process.argv.slice(2)], env);
  return status ?? 1;
});
