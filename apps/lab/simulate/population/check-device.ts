import { checkNumbers, checkQuantiles, type Field, inside, nameOf, numberOf, refuse } from "./field.ts";

/** @throws EddiError `bad-argument` */
export function checkDevice(device: Field): void {
  nameOf(inside(device, "family"));
  for (const key of ["edgeMsPer100MmacWasmSimd1", "edgeMsPer100MmacWebgpu"]) {
    checkQuantiles(inside(device, key));
  }
  checkNumbers(device, ["webgpuMsPerOperation", "webgpuReadbackMs", "webgpuFirstRunMs", "photoDecodeMs"]);
  checkNumbers(device, ["webgpuUsableShare"], { most: 1 });
  const thermal = inside(device, "thermal");
  checkNumbers(thermal, ["coolDownS"]);
  for (const backend of ["wasm", "webgpu"]) {
    const heat = inside(thermal, backend);
    checkNumbers(heat, ["onsetS"]);
    const half = numberOf(inside(heat, "slowdownP50"), { least: 1 });
    const high = inside(heat, "slowdownP90");
    numberOf(high, { least: half });
    // The slow-down above 1 is log-normal: what is 1 for half of them is 1 for all.
    if (half === 1 && high.value !== 1) refuse(high, "1 where slowdownP50 is 1");
  }
}
