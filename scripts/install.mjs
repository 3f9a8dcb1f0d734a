// Installs what package-lock.json asks for, unless it is there: for what has to come between that and the tests.
import { ensureInstalled, runScript } from "./ensure.mjs";

await runScript(async () => {
  await ensureInstalled();
  return 0;
});
