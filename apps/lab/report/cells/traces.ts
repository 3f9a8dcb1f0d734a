import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { EddiError } from "#shared/errors";

/** A trace that policies are tried on. */
export interface ReportTrace {
  /** Folder and file. */
  readonly name: string;
  readonly file: string;
  /** Median of the radio that it stands for, as the population has it. */
  readonly rttMs: number;
}

/** Medians of the population's radios: what a file is a trace of is told by its folder, in one folder by its name. */
const RTT_MS: readonly (readonly [RegExp, number])[] = [
  [/EVDO|norway/, 195],
  [/nyu-mets/, 98],
  [/puffer/, 31],
  [/rest-wifi/, 46],
  [/xu5g|ucc-5g/, 39],
  [/./, 52],
];

/**
 * All traces in a folder of folders, each of one format.
 *
 * @throws EddiError `not-found` when there is none
 */
export function listTraces(folder: string): readonly ReportTrace[] {
  const found = !existsSync(folder)
    ? []
    : readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .flatMap(({ name }) => readdirSync(path.join(folder, name)).map((file) => `${name}/${file}`))
        // A downlink of a pair whose uplink is there too.
        .filter((name) => !name.endsWith(".down"))
        .sort();
  if (found.length === 0) {
    throw new EddiError(
      "not-found",
      `expected folders of traces in ${folder}, got none; --traces names another`,
    );
  }
  return found.map((name) => ({
    name,
    file: path.join(folder, name),
    rttMs: RTT_MS.find(([pattern]) => pattern.test(name))![1],
  }));
}
