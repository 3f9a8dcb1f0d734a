export { type Block, blocks, cutVertices } from "./blocks.ts";
export { closedHeads } from "./closed-heads.ts";
export { ancestors, buildDag, type Dag, subgraph } from "./dag.ts";
export { type FlowArc, type MinCut, minCut } from "./flow.ts";
