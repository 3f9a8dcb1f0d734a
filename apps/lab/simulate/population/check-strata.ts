import {
  checkNumbers,
  checkWeights,
  type Field,
  idsOf,
  inside,
  itemsOf,
  nameOf,
  numberOf,
  oneOf,
  refuse,
} from "./field.ts";

/** By kind of thing, the ids there are. */
type Known = Readonly<
  Record<"radios" | "devices" | "modes" | "kinds" | "backends" | "places", readonly string[]>
>;

/**
 * Strata may be none.
 *
 * @throws EddiError `bad-argument`
 */
export function checkStrata(strata: Field, known: Known): void {
  if (itemsOf(strata).length === 0) return;
  idsOf(strata);
  for (const stratum of checkWeights(strata)) {
    const name = (key: string, ids: readonly string[]): string => oneOf(inside(stratum, key), ids);
    name("radio", known.radios);
    name("device", known.devices);
    name("cloudKind", known.kinds);
    name("backend", known.backends);
    name("distance", known.places);
    const mode = name("mode", known.modes);
    const trace = inside(stratum, "trace");
    if (trace.value !== null) nameOf(trace);
    const webgpu = inside(stratum, "edgeMsPer100MmacWebgpu");
    if (webgpu.value !== null) numberOf(webgpu, { above: 0 });
    checkNumbers(
      stratum,
      [
        "uplinkBps",
        "downlinkBps",
        "rttMs",
        "edgeMsPer100MmacWasmSimd1",
        "budgetMs",
        "cloudMsPer100Mmac",
        "arrivalCv",
      ],
      { above: 0 },
    );
    checkNumbers(stratum, ["traceStartS", "thinkS", "fps", "lossPoints", "cloudFixedMs"]);
    checkNumbers(stratum, ["edgeSlowdownWasm", "edgeSlowdownWebgpu"], { least: 1 });
    numberOf(inside(stratum, "utilisation"), { most: 1 });
    // Photos have pauses, a camera has a rate.
    const pace = inside(stratum, mode === "live" ? "fps" : "thinkS");
    if (pace.value === 0) refuse(pace, `a number above 0 for ${mode}`);
  }
}
