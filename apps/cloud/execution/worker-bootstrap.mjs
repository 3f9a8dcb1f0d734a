// Node starts a thread from JavaScript only, and a thread does not inherit tsx: this registers it.
import { workerData } from "node:worker_threads";
import { tsImport } from "tsx/esm/api";

await tsImport(workerData.entry, import.meta.url);
