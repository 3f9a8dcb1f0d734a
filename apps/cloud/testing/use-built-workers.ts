import { pathToFileURL } from "node:url";
import { WORKERS } from "../pool/worker-entry.ts";
import { builtFile } from "./built.ts";

WORKERS.tail = pathToFileURL(builtFile("tail-worker"));
WORKERS.frames = pathToFileURL(builtFile("frame-thread"));
