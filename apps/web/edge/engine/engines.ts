/** TF.js, and all of the edge that stands on it. */
export { timeInside, timeReadBack, timeWhole } from "#shared/runtime";
export { chooseBackend, endBackend, keepReserve } from "./choose-backend.ts";
export { Engine } from "./engine.ts";
