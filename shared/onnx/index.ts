export { type ExportOptions, exportSegment } from "./export-segment.ts";
