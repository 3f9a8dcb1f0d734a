// Node starts a thread or a process from JavaScript only, and neither inherits tsx here: this registers it.
import { workerData } from "node:worker_threads";
import { tsImport } from "tsx/esm/api";

await tsImport(workerData?.entry ?? process.argv[2], import.meta.url);
