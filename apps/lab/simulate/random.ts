/** Mulberry32, as the population's recipe writes it down: uniform numbers in [0, 1) that a seed decides. */
export { seededRandom as randomFrom } from "../../../shared/graph/fixture.ts";

export type Random = () => number;
