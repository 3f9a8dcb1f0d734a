export { type Random, randomFor, randomFrom, shuffled } from "./random.ts";
