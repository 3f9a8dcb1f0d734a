export { type ExportOptions, exportSegment, PRECISIONS, type Precision } from "./export-segment.ts";
