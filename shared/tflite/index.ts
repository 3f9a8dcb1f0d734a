export { exportSegment } from "./export-segment.ts";
