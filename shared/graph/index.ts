export { type Block, blocks, cutVertices } from "./blocks.ts";
export { closedHeads } from "./closed-heads.ts";
export { countClosedHeads, type HeadCount } from "./count-closed-heads.ts";
export { ancestors, buildDag, type Dag, subgraph } from "./dag.ts";
export { FlowNetwork } from "./flow.ts";
export { type Reaches, reachability } from "./reachability.ts";
