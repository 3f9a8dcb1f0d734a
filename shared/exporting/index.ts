export { flagOf, integersOf, numberOf, textOf } from "./attributes.ts";
export { fusedOf } from "./fused.ts";
export { transposed } from "./transposed.ts";
export { type BytesOf, type Weight, weightsOf } from "./weights.ts";
