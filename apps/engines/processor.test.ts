import { expect, test } from "vitest";
import { hasInstructions } from "./processor.ts";

const CPUINFO = `processor\t: 0
model name\t: avx_vnni of no meaning here
flags\t\t: fpu avx2 avx512f avx512_vnni
bugs\t\t: spectre_v1
`;

test("instruction sets are those that Linux lists, by their whole names", () => {
  expect(hasInstructions(["avx512_vnni", "avx_vnni"], CPUINFO)).toBe(true);
  expect(hasInstructions(["fpu"], CPUINFO)).toBe(true);
  for (const other of ["avx_vnni", "avx512", "spectre_v1"])
    expect(hasInstructions([other], CPUINFO)).toBe(false);
});

test("none where the system does not tell", () => {
  for (const text of ["", "flags"]) expect(hasInstructions(["fpu", ""], text)).toBe(false);
});
