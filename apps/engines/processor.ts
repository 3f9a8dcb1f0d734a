import { readFileSync } from "node:fs";

/**
 * Whether this processor has one of these instruction sets, as Linux calls them (`avx512_vnni`); false where the system does
 * not tell.
 *
 * @param cpuinfo what Linux tells
 */
export function hasInstructions(names: readonly string[], cpuinfo = readCpuinfo()): boolean {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.split(/\s+/) ?? [];
  return names.some((name) => flags.includes(name));
}

function readCpuinfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}
