import { runLab } from "./run-lab.ts";
import { runOrTell } from "./terminal/run-or-tell.ts";

await runOrTell(() => runLab(process.argv.slice(2)));
