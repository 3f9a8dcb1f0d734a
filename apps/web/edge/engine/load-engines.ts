/** A chunk of its own: an answer of the cloud does not wait for TF.js. */
export const loadEngines = (): Promise<typeof import("./engines.ts")> => import("./engines.ts");
