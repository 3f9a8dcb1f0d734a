import { belgiumNorway } from "./belgium-norway.ts";
import { mahimahi } from "./mahimahi.ts";
import { nyuMets } from "./nyu-mets.ts";
import { puffer } from "./puffer.ts";
import type { TraceFormat } from "./trace-format.ts";
import { uccIreland } from "./ucc-ireland.ts";
import { zhuge } from "./zhuge.ts";

export const TRACE_FORMATS: readonly TraceFormat[] = [
  belgiumNorway,
  mahimahi,
  nyuMets,
  puffer,
  uccIreland,
  zhuge,
];
