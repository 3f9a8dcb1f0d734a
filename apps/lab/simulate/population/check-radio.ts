import { checkNumbers, checkQuantiles, checkWeights, type Field, inside, nameOf, numberOf } from "./field.ts";

/** @throws EddiError `bad-argument` */
export function checkRadio(radio: Field): void {
  for (const key of ["uplinkBps", "downlinkBps", "rttMs", "rttFactor"]) checkQuantiles(inside(radio, key));
  for (const variation of checkWeights(inside(radio, "variation"))) {
    const trace = inside(variation, "trace");
    if (trace.value === null) continue;
    nameOf(trace);
    numberOf(inside(variation, "durationS"), { above: 0 });
  }
  const wakeUp = inside(radio, "wakeUp");
  checkQuantiles(inside(wakeUp, "wakeMs"));
  checkNumbers(wakeUp, ["idleAfterS", "drxCycleMs", "drxAfterMs"]);
  checkNumbers(wakeUp, ["drxShareOfUsers"], { most: 1 });
  const other = inside(wakeUp, "idleAfterSAlternative");
  if (other.value === undefined) return;
  checkNumbers(other, ["value"]);
  checkNumbers(other, ["weight"], { most: 1 });
}
