import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { EddiError } from "#shared/errors";
import { checkCloud } from "./check-cloud.ts";
import { checkDevice } from "./check-device.ts";
import { checkRadio } from "./check-radio.ts";
import { checkStrata } from "./check-strata.ts";
import { checkUse } from "./check-use.ts";
import { checkSum, type Field, idsOf, inside, itemsOf, nameOf, numberOf, oneOf, refuse } from "./field.ts";
import type { Population } from "./population.ts";

/** The lab's own copy of what was fixed in advance; not changed by what results say. */
export const POPULATION_FILE = fileURLToPath(new URL("population.json", import.meta.url));

const SCHEMA = "population/1";

/**
 * Reads who the users are, from a file of one's own too.
 *
 * @throws EddiError `not-found` without a file, `bad-argument` with file and field for what is no population
 */
export async function readPopulation(file = POPULATION_FILE): Promise<Population> {
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    const came = cause.code === "ENOENT" ? "none" : cause.message;
    throw new EddiError("not-found", `expected a population at ${file}, got ${came}`, { cause });
  });
  return parsePopulation(file, text);
}

/** The same of a file's text. */
export function parsePopulation(file: string, text: string): Population {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    const message = `${file}: expected a population in JSON, got ${(cause as Error).message}`;
    throw new EddiError("bad-argument", message, { cause });
  }
  // Fields are told as "FILE: radios[0].id".
  const root = { value, at: `${file}:` };
  oneOf(inside(root, "schema"), [SCHEMA]);
  nameOf(inside(root, "title"));
  const radios = idsOf(inside(root, "radios"));
  for (const radio of itemsOf(inside(root, "radios"))) checkRadio(radio);
  const devices = idsOf(inside(root, "devices"));
  for (const device of itemsOf(inside(root, "devices"))) checkDevice(device);
  checkJoint(inside(root, "jointDeviceRadio"), devices, radios);
  const cloud = checkCloud(inside(root, "cloud"));
  const modes = checkUse(inside(root, "use"));
  const tuning = inside(inside(inside(root, "sampling"), "seeds"), "tuning");
  if (!Number.isInteger(numberOf(tuning, { most: 2 ** 32 - 1 }))) refuse(tuning, "a whole number");
  checkStrata(inside(root, "strata"), { radios, devices, modes, ...cloud });
  return value as Population;
}

/** @param devices, radios all ids; each stands in the table once */
function checkJoint(joint: Field, devices: readonly string[], radios: readonly string[]): void {
  const [rows, columns] = (["rows", "columns"] as const).map((side) => {
    const known = side === "rows" ? devices : radios;
    const names = itemsOf(inside(joint, side)).map((item) => oneOf(item, known));
    const isWhole = new Set(names).size === known.length && names.length === known.length;
    return isWhole ? names : refuse(inside(joint, side), `each of ${known.join(", ")} once`);
  }) as [string[], string[]];
  const weight = inside(joint, "weight");
  const table = itemsOf(weight);
  if (table.length !== rows.length) refuse(weight, `${rows.length} rows`);
  const weights = table.flatMap((row) => {
    const cells = itemsOf(row);
    if (cells.length !== columns.length) refuse(row, `${columns.length} weights`);
    return cells.map((cell) => numberOf(cell, { most: 1 }));
  });
  checkSum(weight, weights);
}
