import type { Exit } from "#shared/model";
import { formatBytes, formatOf100 } from "./format.ts";

/** What there is to say of one of the service's models. */
export interface ModelFacts {
  readonly weightBytes: number;
  readonly exits: readonly Pick<Exit, "accuracy" | "agreement">[];
  /** How many things it can tell apart, and the first of them. */
  readonly classes: number;
  readonly firstClasses: readonly string[];
}

/** `5.2 MB. Answers at 4 places, right in 84.4 to 90.6 of 100. Knows 10 things: tench, church, …` */
export function modelWords({ weightBytes, exits, classes, firstClasses }: ModelFacts): string {
  const places = exits.length === 1 ? "Answers at its end" : `Answers at ${exits.length} places`;
  const names = firstClasses.map((name) => name.split(",")[0]).join(", ");
  const more = classes > firstClasses.length ? ", …" : "";
  const knows = classes === 0 ? "" : ` Knows ${classes} things: ${names}${more}.`;
  return `${formatBytes(weightBytes)}. ${places}${rightWords(exits)}.${knows}`;
}

/** How right its first and its last exit are, as far as that was measured. */
function rightWords(exits: ModelFacts["exits"]): string {
  const measured = exits.map(({ accuracy }) => accuracy).filter((one) => one !== null);
  if (measured.length > 0) return `, right in ${range(measured)} of 100`;
  const agreements = exits.map(({ agreement }) => agreement).filter((one) => one !== undefined);
  return agreements.length === 0 ? "" : `, as the whole model in ${range(agreements)} of 100`;
}

function range(shares: readonly number[]): string {
  const [least, most] = [Math.min(...shares), Math.max(...shares)].map(formatOf100);
  return least === most ? least! : `${least} to ${most}`;
}
