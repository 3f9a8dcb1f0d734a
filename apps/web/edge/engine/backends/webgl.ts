import "@tensorflow/tfjs-backend-webgl";

/** Needs WebGL 2 on an OffscreenCanvas; Safari has that since 17. */
export async function prepare(): Promise<void> {}
