import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import { SHARED_DATA } from "../fixture.ts";
import { POPULATION_FILE, parsePopulation, readPopulation } from "./read-population.ts";
import { sampleDraws } from "./sample.ts";
import { strataDraws } from "./strata.ts";

const TEXT = readFileSync(POPULATION_FILE, "utf8");

test.skipIf(SHARED_DATA === null)(
  "the lab's copy is what was fixed, byte by byte (needs ../shared/data)",
  () => {
    expect(readFileSync(path.join(SHARED_DATA!, "population/population.json"), "utf8")).toBe(TEXT);
  },
);

test("the default is read whole", async () => {
  const population = await readPopulation();
  expect(population).toEqual(JSON.parse(TEXT));
  expect(population.sampling.seeds.tuning).toBe(20261127);
});

type Tree = { [key: string]: Tree };

/** The default with the value at a path such as "radios.0.rttMs" changed; undefined takes it away. */
function changed(where: string, value: unknown): string {
  const root = JSON.parse(TEXT) as Tree;
  const keys = where.split(".");
  const parent = keys.slice(0, -1).reduce((tree, key) => tree[key]!, root) as Record<string, unknown>;
  parent[keys.at(-1)!] = value;
  return JSON.stringify(root);
}

/** Path, value, where the error says it is, and what it expected. */
const WRONG: readonly (readonly [string, unknown, string])[] = [
  ["schema", "population/2", 'schema: expected one of population/1, got "population/2"'],
  ["title", "", 'title: expected a name, got ""'],
  ["radios", {}, "radios: expected an array, got {}"],
  ["radios", [], "radios: expected a list of one or more, got []"],
  ["radios.1.id", "wifi-home", "radios: expected distinct ids, got "],
  ["radios.0", null, "radios[0]: expected an object, got null"],
  ["radios.2.uplinkBps", undefined, "radios[2].uplinkBps: expected an object, got nothing"],
  ["radios.2.uplinkBps.q.0", -5, "radios[2].uplinkBps.q[0]: expected a number above 0, got -5"],
  ["radios.2.uplinkBps.q.0", "5", 'radios[2].uplinkBps.q[0]: expected a number above 0, got "5"'],
  ["radios.2.rttMs.q.3", null, "radios[2].rttMs.q[3]: expected a number above 0, got null"],
  ["radios.2.rttMs.q.3", 1, "radios[2].rttMs.q: expected values that do not fall, got ["],
  ["radios.2.rttMs.p.3", 0.01, "radios[2].rttMs.p: expected numbers that rise, got ["],
  ["radios.2.rttMs.p.8", 1.01, "radios[2].rttMs.p[8]: expected a number of 0 to 1, got 1.01"],
  ["radios.2.rttMs.p", [], "radios[2].rttMs.p: expected one number or more, got []"],
  ["radios.2.rttMs.q", [1, 2], "radios[2].rttMs.q: expected 9 values, one for each p, got [1,2]"],
  ["radios.0.variation", [], "radios[0].variation: expected weights that sum to 1, got 0"],
  ["radios.0.variation.1.weight", 0.5, "radios[0].variation: expected weights that sum to 1, got 1.15"],
  [
    "radios.0.variation.1.weight",
    -0.1,
    "radios[0].variation[1].weight: expected a number of 0 to 1, got -0.1",
  ],
  ["radios.0.variation.1.trace", 7, "radios[0].variation[1].trace: expected a name, got 7"],
  ["radios.0.variation.1.durationS", 0, "radios[0].variation[1].durationS: expected a number above 0, got 0"],
  [
    "radios.3.wakeUp.drxShareOfUsers",
    2,
    "radios[3].wakeUp.drxShareOfUsers: expected a number of 0 to 1, got 2",
  ],
  [
    "radios.3.wakeUp.idleAfterSAlternative.value",
    -1,
    "radios[3].wakeUp.idleAfterSAlternative.value: expected a number of 0 or above, got -1",
  ],
  ["devices.4.photoDecodeMs", "x", 'devices[4].photoDecodeMs: expected a number of 0 or above, got "x"'],
  [
    "devices.4.thermal.wasm.slowdownP50",
    0.9,
    "devices[4].thermal.wasm.slowdownP50: expected a number of 1 or above",
  ],
  [
    "devices.4.thermal.wasm.slowdownP90",
    1.1,
    "devices[4].thermal.wasm.slowdownP90: expected a number of 1.2 or above",
  ],
  [
    "devices.4.thermal.wasm.slowdownP50",
    1,
    "devices[4].thermal.wasm.slowdownP90: expected 1 where slowdownP50 is 1",
  ],
  ["jointDeviceRadio.rows.0", "pager", "jointDeviceRadio.rows[0]: expected one of ios-2023-26-pro, "],
  ["jointDeviceRadio.rows.0", "laptop", "jointDeviceRadio.rows: expected each of ios-2023-26-pro, "],
  ["jointDeviceRadio.weight.10", undefined, "jointDeviceRadio.weight[10]: expected an array, got null"],
  ["jointDeviceRadio.weight.0", [1], "jointDeviceRadio.weight[0]: expected 6 weights, got [1]"],
  [
    "jointDeviceRadio.weight.0.0",
    0.9,
    "jointDeviceRadio.weight: expected weights that sum to 1, got 1.86302",
  ],
  ["cloud.kinds.0.threads", 0, "cloud.kinds[0].threads: expected a number of 1 or above, got 0"],
  ["cloud.backend.0.factor", 0, "cloud.backend[0].factor: expected a number above 0, got 0"],
  ["cloud.utilisation.q.8", 1.2, "cloud.utilisation.q[8]: expected a number of 0 to 1, got 1.2"],
  ["cloud.otherClients.cv.0.weight", 0.1, "cloud.otherClients.cv: expected weights that sum to 1, got 0.5"],
  ["cloud.coldStart.ms", 5, "cloud.coldStart.ms: expected an object, got 5"],
  ["use.modes.0.id", "nap", 'use.modes[0].id: expected one of single, burst, live, got "nap"'],
  ["use.modes.1.gapS", undefined, "use.modes[1].gapS: expected an object, got nothing"],
  ["use.budgets.live", undefined, "use.budgets.live: expected an array, got nothing"],
  ["use.budgets.live.0.budgetMs", -100, "use.budgets.live[0].budgetMs: expected a number above 0, got -100"],
  [
    "use.accuracyFloors.0.lossPoints",
    101,
    "use.accuracyFloors[0].lossPoints: expected a number of 0 to 100, got 101",
  ],
  [
    "use.connection.initialWindowBytes",
    0,
    "use.connection.initialWindowBytes: expected a number above 0, got 0",
  ],
  ["sampling.seeds.tuning", 0.5, "sampling.seeds.tuning: expected a whole number, got 0.5"],
  ["strata", undefined, "strata: expected an array, got nothing"],
  ["strata.5.radio", "6g", "strata[5].radio: expected one of wifi-home, "],
  ["strata.5.weight", 1, "strata: expected weights that sum to 1, got 1.95447"],
  ["strata.5.thinkS", 0, "strata[5].thinkS: expected a number above 0 for single, got 0"],
  ["strata.1.fps", 0, "strata[1].fps: expected a number above 0 for live, got 0"],
  ["strata.5.edgeSlowdownWasm", 0.5, "strata[5].edgeSlowdownWasm: expected a number of 1 or above, got 0.5"],
];

test.each(WRONG)("%s as %j is refused", (where, value, message) => {
  let thrown: unknown;
  try {
    parsePopulation("mine.json", changed(where, value));
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(EddiError);
  expect((thrown as EddiError).message).toContain(`mine.json: ${message}`);
});

test("what is no JSON, no object or not there is told with the file's name", async () => {
  expect(() => parsePopulation("mine.json", TEXT.slice(0, 5000))).toThrow(
    /^mine\.json: expected a population in JSON, got /,
  );
  expect(() => parsePopulation("mine.json", "")).toThrow(/^mine\.json: expected a population in JSON, got /);
  for (const text of ["[]", "5", "null"]) {
    expect(() => parsePopulation("mine.json", text)).toThrow(`mine.json: expected an object, got ${text}`);
  }
  await expect(readPopulation("/none/mine.json")).rejects.toThrow(
    "expected a population at /none/mine.json, got none",
  );
});

test("every number that draws are made from is checked: none may be missing", async () => {
  const paths = new Map<string, string>();
  /** Notes the path of each number that is read, one of each list. */
  const noted = <T extends object>(tree: T, keys: readonly string[] = []): T =>
    new Proxy(tree, {
      get(target, key, receiver) {
        const value: unknown = Reflect.get(target, key, receiver);
        if (typeof key === "symbol" || typeof value === "function" || key === "length") return value;
        const path = [...keys, key];
        if (typeof value === "number") paths.set(path.join(".").replace(/\d+/g, "*"), path.join("."));
        return typeof value === "object" && value !== null ? noted(value, path) : value;
      },
    });
  const population = noted(await readPopulation());
  // What is not drawn now is handed on, as distributions.
  JSON.stringify([sampleDraws(population, 1, 300), strataDraws(population, 1)]);
  expect(paths.size).toBeGreaterThan(60);
  for (const where of paths.values()) {
    expect(() => parsePopulation("mine.json", changed(where, undefined)), where).toThrow(EddiError);
    expect(() => parsePopulation("mine.json", changed(where, -1)), where).toThrow(EddiError);
  }
});
