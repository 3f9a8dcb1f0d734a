import { checkNumbers, checkQuantiles, checkWeights, type Field, idsOf, inside, numberOf } from "./field.ts";

/**
 * @returns the ids that strata name
 * @throws EddiError `bad-argument`
 */
export function checkCloud(
  cloud: Field,
): Readonly<Record<"kinds" | "backends" | "places", readonly string[]>> {
  const [kinds, backends, places] = ["kinds", "backend", "distance"].map((key) => inside(cloud, key)) as [
    Field,
    Field,
    Field,
  ];
  for (const kind of checkWeights(kinds)) {
    checkNumbers(kind, ["threads"], { least: 1 });
    checkNumbers(kind, ["cloudFixedMs"]);
    checkNumbers(kind, ["cloudMsPer100Mmac"], { above: 0 });
  }
  for (const backend of checkWeights(backends)) checkNumbers(backend, ["factor"], { above: 0 });
  for (const place of checkWeights(places)) checkNumbers(place, ["extraRttMs"]);
  checkQuantiles(inside(cloud, "utilisation"), { above: 0, most: 1 });
  for (const cv of checkWeights(inside(inside(cloud, "otherClients"), "cv")))
    checkNumbers(cv, ["value"], { above: 0 });
  const bursts = inside(cloud, "bursts");
  numberOf(inside(bursts, "share"), { most: 1 });
  for (const key of ["durationS", "rateFactor"]) checkQuantiles(inside(bursts, key));
  const coldStart = inside(cloud, "coldStart");
  numberOf(inside(coldStart, "probabilityPerSession"), { most: 1 });
  checkQuantiles(inside(coldStart, "ms"));
  return { kinds: idsOf(kinds), backends: idsOf(backends), places: idsOf(places) };
}
