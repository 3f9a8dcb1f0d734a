import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { temporaryFolder } from "../data/fixture.ts";
import { simulateCommand } from "./simulate.ts";

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
let uplink: string;
beforeAll(async () => {
  scratch = await temporaryFolder();
  uplink = await file("norway-3g-hsdpa/log.json", JSON.stringify(RATES));
});
afterAll(() => scratch.remove());

/** Mbit/s that come and go, with ten seconds without anything. */
const RATES = [3000, 1500, 0, 0, 800, 2500].map((bandwidth_kbps) => ({
  duration_ms: 5000,
  bandwidth_kbps,
  latency_ms: 70,
}));

async function file(name: string, text: string): Promise<string> {
  const place = path.join(scratch.folder, name);
  await mkdir(path.dirname(place), { recursive: true });
  await writeFile(place, text);
  return place;
}

/** What the command prints on standard output. */
async function printed(...args: readonly string[]): Promise<string> {
  const out: string[] = [];
  const quiet = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const spy = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    out.push(String(text));
    return true;
  });
  try {
    await simulateCommand.run(["resnet-imagenette", "--answers", "12", ...args]);
  } finally {
    spy.mockRestore();
    quiet.mockRestore();
  }
  return out.join("");
}

const KEYS = [
  "answers",
  "inTime",
  "accuracy",
  "accuracyInTime",
  "meanMs",
  "p95Ms",
  "fps",
  "twice",
  "innerCut",
  "p95Exceeded",
];

test("one object of JSON on standard output, the same for the same seed", async () => {
  const args = ["--uplink", uplink, "--rtt", "60", "--slowdown", "4", "--budget", "300", "--json"];
  const text = await printed(...args, "--policies", "eddi,edge-only,clairvoyant,cloud-jpeg+insured");
  const { policies } = JSON.parse(text);
  expect(Object.keys(policies)).toEqual(["eddi", "edge-only", "clairvoyant", "cloud-jpeg+insured"]);
  for (const summary of Object.values<Record<string, number | null>>(policies)) {
    expect(Object.keys(summary)).toEqual(KEYS);
    expect(summary.answers).toBe(12);
    expect(summary.fps).toBeNull();
    for (const share of ["inTime", "accuracy", "accuracyInTime", "twice", "innerCut"]) {
      expect(summary[share]).toBeGreaterThanOrEqual(0);
      expect(summary[share]).toBeLessThanOrEqual(1);
    }
  }
  expect(policies.clairvoyant.p95Exceeded).toBeNull();
  const again = ["--policies", "clairvoyant,cloud-jpeg+insured,eddi,edge-only"];
  const other = JSON.parse(await printed(...args, ...again)).policies;
  // No policy's answers hang on which others are tried.
  expect(other).toEqual(policies);
  expect(JSON.parse(await printed(...args, "--seed", "2")).policies.eddi).not.toEqual(policies.eddi);
});

test("an accuracy or a rate of frames may be asked for instead, and the work scaled", async () => {
  const args = ["--uplink", "5.85", "--policies", "edge-only-last,cloud-webp", "--json"];
  const fast = JSON.parse(await printed(...args, "--min-accuracy", "0.9")).policies;
  expect(fast["edge-only-last"].inTime).toBe(1);
  const slow = JSON.parse(await printed(...args, "--min-accuracy", "0.9", "--work-scale", "3")).policies;
  expect(slow["edge-only-last"].meanMs / fast["edge-only-last"].meanMs).toBeGreaterThan(2.6);
  const load = JSON.parse(await printed(...args, "--fps", "20")).policies;
  expect(load["edge-only-last"].fps).toBeGreaterThan(1);
  // A frame takes 250 ms.
  expect(load["edge-only-last"].fps).toBeLessThan(8);
});

test("without any bandwidth for long, answers wait, time out and are counted", async () => {
  const gap = [
    { duration_ms: 3500, bandwidth_kbps: 5000, latency_ms: 70 },
    { duration_ms: 60_000, bandwidth_kbps: 0, latency_ms: 70 },
  ];
  const dead = await file("norway-3g-hsdpa/dead.json", JSON.stringify(gap));
  const policies = "cloud-jpeg,cloud-jpeg+insured,edge-only,eddi,clairvoyant";
  const args = ["--uplink", dead, "--budget", "500", "--policies", policies, "--json"];
  const found = JSON.parse(await printed(...args)).policies;
  expect(found["cloud-jpeg"].answers).toBe(12);
  expect(found["cloud-jpeg"].inTime).toBeLessThan(0.3);
  expect(found["cloud-jpeg"].p95Ms).toBeCloseTo(10_000, -2);
  expect(found["edge-only"].inTime).toBeGreaterThan(0.9);
  expect(found.clairvoyant.inTime).toBe(1);
  // Insured, photos are answered by the budget whatever the link does.
  for (const name of ["cloud-jpeg+insured", "eddi"]) expect(found[name].inTime).toBeGreaterThan(0.9);
});

test("a budget that nothing keeps is kept by nothing, and counted", async () => {
  const { policies } = JSON.parse(await printed("--uplink", uplink, "--budget", "1", "--json"));
  for (const summary of Object.values<{ inTime: number; accuracyInTime: number; answers: number }>(
    policies,
  )) {
    expect([summary.answers, summary.inTime, summary.accuracyInTime]).toEqual([12, 0, 0]);
  }
});

test("a policy of one's own is a file", async () => {
  const own = await file(
    "own.mjs",
    'export default ({ costs }) => ({ plan: () => ({ exit: "exit1", head: costs.find(({ exit }) => exit === "exit1").dag.names }) });',
  );
  const args = ["--uplink", uplink, "--budget", "300", "--policies", `${own},edge-only-last`, "--json"];
  const { policies } = JSON.parse(await printed(...args));
  expect(Object.keys(policies)).toEqual([own, "edge-only-last"]);
  expect(policies[own].meanMs).toBeLessThan(policies["edge-only-last"].meanMs);
});

test("what became of every photo goes into a file where one is named", async () => {
  const csv = path.join(scratch.folder, "answers.csv");
  const args = ["--uplink", uplink, "--budget", "300", "--policies", "eddi,edge-only", "--json"];
  const { policies } = JSON.parse(await printed(...args, "--csv", csv));
  const [head, ...lines] = (await readFile(csv, "utf8")).trim().split("\n");
  const names = head!.split(",");
  expect(lines).toHaveLength(24);
  const rows = lines.map((line) =>
    Object.fromEntries(line.split(",").map((value, at) => [names[at]!, value])),
  );
  const own = rows.filter(({ policy }) => policy === "eddi");
  const mean = own.reduce((sum, { ms }) => sum + Number(ms), 0) / own.length;
  expect(mean).toBeCloseTo(policies.eddi.meanMs, 2);
  expect(own.filter(({ inTime }) => inTime === "true").length / 12).toBeCloseTo(policies.eddi.inTime, 9);
  for (const { edgeMs, exit, by } of rows) {
    expect(Number(edgeMs)).toBeGreaterThan(0);
    expect(exit === "").toBe(by === "lost");
  }
  const nowhere = path.join(scratch.folder, "none/answers.csv");
  await expect(printed(...args, "--csv", nowhere)).rejects.toThrow(
    "--csv: expected a file that can be written",
  );
});

/** One trace of each format, where data stand beside the project. */
const DATA = [process.env.EDDI_DATA, "../shared/data"].find((folder) => existsSync(`${folder}/traces`));

test.skipIf(DATA === undefined)(
  "every folder of traces plays, told by its folder or by --format",
  async () => {
    const folders = await readdir(`${DATA}/traces`);
    expect(folders.length).toBeGreaterThan(6);
    for (const folder of folders) {
      const [name] = await readdir(`${DATA}/traces/${folder}`);
      const given = `${DATA}/traces/${folder}/${name}`;
      const args = ["--budget", "300", "--policies", "cloud-webp", "--json"];
      const told = JSON.parse(await printed("--uplink", given, "--downlink", given, ...args)).policies;
      const moved = await file(`elsewhere/${name}`, await readFile(given, "utf8"));
      const named = ["--uplink", moved, "--downlink", moved, "--format", folder, ...args];
      expect(JSON.parse(await printed(...named)).policies, folder).toEqual(told);
    }
  },
);

const usual = ["--budget", "300"];

test.each([
  [["--policies", "eddi,magic"], "--policies: expected eddi, clairvoyant, edge-only"],
  [["--policies", "eddi,magic"], "or a path to a file, got magic"],
  [["--policies", ""], "got an empty name"],
  [["--policies", "eddi+insured"], "got eddi+insured"],
  [["--policies", "./none.mjs"], "./none.mjs: expected a policy's module, got no file"],
  [["--budget", "-5"], "--budget: expected a number from 1 to 1000000, got -5"],
  [["--budget", "soon"], "--budget: expected a number from 1 to 1000000, got soon"],
  [["--min-accuracy", "0.9"], "expected --budget or --min-accuracy, got both"],
  [["--fps", "0"], "--fps: expected a number from 0.01"],
  [["--rtt", "-3"], "--rtt: expected milliseconds of 0 or above, got -3"],
  [["--rtt", "nowhere.txt"], "--rtt: expected milliseconds or a file at nowhere.txt, got none"],
  [["--slowdown", "-1"], "--slowdown: expected a number from 0.01 to 1000, got -1"],
  [["--work-scale", "0"], "--work-scale: expected a number from 0.01 to 1000, got 0"],
  [["--load", "1"], "--load: expected a number from 0 to 0.95, got 1"],
  [["--answers", "0"], "--answers: expected a whole number of at least 1, got 0"],
  [["--answers", "2.5"], "--answers: expected a whole number of at least 1, got 2.5"],
  [["--every", "-1"], "--every: expected a number from 1"],
  [["--seed", "-1"], "--seed: expected a whole number of at least 0, got -1"],
  [["--without", "noise,rain"], "--without: expected some of noise, throttling"],
  [["--start", "-1"], "--start: expected a number from 0"],
  [["--uplink", "0"], "--uplink: expected a number from 0.001 to 100000, got 0"],
  [["--uplink", "-2"], "--uplink: expected a number from 0.001 to 100000, got -2"],
  [["--uplink", "none.up"], "expected a trace at none.up, got none"],
  [["--format", "morse"], "--format: expected one of belgium"],
])("%j is refused: %s", async (args, message) => {
  await expect(printed("--uplink", uplink, ...usual, ...args)).rejects.toMatchObject({
    message: expect.stringContaining(message),
  });
});

test("without a wish, an uplink or one model nothing is played", async () => {
  await expect(printed("--uplink", uplink)).rejects.toThrow(
    "expected --budget, --min-accuracy or --fps, got none",
  );
  await expect(printed("--budget", "300")).rejects.toThrow("--uplink: expected a trace or Mbit/s, got none");
  await expect(printed("tiny", "--uplink", uplink)).rejects.toThrow(
    "expected one MODEL, got resnet-imagenette tiny",
  );
});

test.each([
  ["empty.up", "", "empty.up, line 1: expected a trace, got an empty file"],
  ["bad.up", "1\n2\nthree\n", "bad.up, line 3: expected "],
  ["zhuge-wifi-5g/zero.txt", "0 0\n0.2 0\n", "zero.txt, line 2: expected some bandwidth above 0 up to here"],
  ["puffer-home-broadband/minus.txt", "0 1\n1 -4\n", "minus.txt, line 2: expected "],
])("a trace that is none is refused with file and line: %s", async (name, text, message) => {
  const bad = await file(name, text);
  await expect(printed("--uplink", bad, ...usual)).rejects.toMatchObject({
    message: expect.stringContaining(message),
  });
});

test.each([
  [
    "rtt-text.txt",
    "0 50\n1 fast\n",
    /rtt-text.txt, line 1: expected|rtt-text.txt, line 2: expected milliseconds/,
  ],
  ["rtt-back.txt", "0 50\n2 60\n1 70\n", /rtt-back.txt, line 3: expected a later time/],
  ["rtt-list.json", '{"p":[0.1,0.9],"q":[50]}', /rtt-list.json: expected \{"p"/],
  ["rtt-none.json", "{p", /rtt-none.json: expected JSON of quantiles/],
  ["norway-3g-hsdpa/no-rtt.json", JSON.stringify(RATES), /expected a trace with RTTs in it/],
])("RTTs that are none are refused: %s", async (name, text, message) => {
  const bad = await file(name, text);
  await expect(printed("--uplink", uplink, "--rtt", bad, ...usual)).rejects.toThrow(message);
});

test("RTTs come as a series or as a distribution", async () => {
  const series = await file("series.txt", "0 20\n10 20\n20 400\n");
  const drawn = await file("drawn.json", '{"p":[0.1,0.9],"q":[300,600]}');
  const meanMs = async (rtt: string): Promise<number> => {
    const args = ["--uplink", "20", "--rtt", rtt, "--policies", "cloud-webp", ...usual, "--json"];
    return JSON.parse(await printed(...args)).policies["cloud-webp"].meanMs;
  };
  const [fast, varied, far] = [await meanMs("20"), await meanMs(series), await meanMs(drawn)];
  expect(varied).toBeGreaterThan(fast + 50);
  expect(far).toBeGreaterThan(fast + 250);
});

test.each([
  ["broken.mjs", "export default (", "expected a policy's module that loads, got "],
  ["nothing.mjs", "export const plan = 1;", "expected a function as the default export, got undefined"],
  ["none.mjs", "export default () => null;", "expected an object with plan(request), got null"],
  [
    "throws.mjs",
    "export default () => { throw new Error('no'); };",
    "expected the planner's start, got an error: no",
  ],
  [
    "fails.mjs",
    "export default () => ({ plan() { throw new Error('no'); } });",
    "expected a plan, got an error: no",
  ],
  [
    "nonsense.mjs",
    "export default () => ({ plan: () => 42 });",
    "expected a plan with exit and head, got 42",
  ],
  ["exit.mjs", 'export default () => ({ plan: () => ({ exit: "exit9", head: ["image"] }) });', "exit9"],
  ["open.mjs", 'export default () => ({ plan: () => ({ exit: "exit1", head: [] }) });', "expected the input"],
])("a policy that is none is told with its name: %s", async (name, text, message) => {
  const bad = await file(name, text);
  const refused = printed("--uplink", uplink, ...usual, "--policies", bad);
  await expect(refused).rejects.toMatchObject({ message: expect.stringContaining(message) });
  await expect(refused).rejects.toMatchObject({ message: expect.stringContaining(name) });
});

test("a model without recorded verdicts, or with those of another version, says which command makes them", async () => {
  const folder = path.join(scratch.folder, "model");
  await cp("models/tiny", folder, { recursive: true });
  await rm(path.join(folder, "verdicts.bin"));
  const play = async (): Promise<void> => {
    await simulateCommand.run([folder, "--uplink", uplink, ...usual]);
  };
  await expect(play()).rejects.toThrow(/--verdicts` records them$/);
  await cp("models/resnet-imagenette/verdicts.bin", path.join(folder, "verdicts.bin"));
  await expect(play()).rejects.toThrow(/--verdicts` records them anew$/);
});

/** The smallest population: its own, but for the traces that stand beside this repository. */
async function populationFile(): Promise<string> {
  const population = JSON.parse(await readFile("apps/lab/simulate/population/population.json", "utf8"));
  for (const radio of population.radios) radio.variation = [{ trace: null, weight: 1 }];
  for (const stratum of population.strata) Object.assign(stratum, { trace: null, traceStartS: 0 });
  return file("population.json", JSON.stringify(population));
}

test("users of a population count by their weights; the first of more are the same", async () => {
  const own = await populationFile();
  const args = ["--population", own, "--answers", "2", "--policies", "edge-only,cloud-webp", "--json"];
  const users = JSON.parse(await printed(...args, "--draws", "30")).policies;
  expect(users["edge-only"].answers).toBeGreaterThan(30);
  expect(users["edge-only"].answers).toBeLessThanOrEqual(60);
  expect(JSON.parse(await printed(...args, "--draws", "30")).policies).toEqual(users);
  const strata = JSON.parse(await printed(...args)).policies;
  expect(strata["edge-only"].answers).toBeGreaterThan(48);
  // Everybody is asked for the same, or for what each one has asked for.
  const easy = JSON.parse(await printed(...args, "--draws", "30", "--budget", "20000")).policies;
  expect(easy["edge-only"].inTime).toBe(1);
  const floor = JSON.parse(await printed(...args, "--draws", "30", "--min-accuracy", "floor")).policies;
  expect(floor["edge-only"].inTime).toBe(1);
});

test.each([
  [["--uplink", "5"], "expected --uplink only without --population"],
  [["--every", "5"], "expected --every only without --population"],
  [["--draws", "0"], "--draws: expected a whole number of at least 1, got 0"],
  [["--population", "none.json"], "expected a population at none.json, got none"],
  [["--traces", "/nowhere"], "--traces names the folder they are in"],
])("a population with %j is refused", async (args, message) => {
  await expect(printed("--population", ...args)).rejects.toMatchObject({
    message: expect.stringContaining(message),
  });
});

test("options of a population alone are refused without one", async () => {
  await expect(printed("--uplink", "5", "--budget", "300", "--draws", "5")).rejects.toThrow(
    "expected --draws only with --population",
  );
  await expect(printed("--uplink", "5", "--min-accuracy", "floor")).rejects.toThrow("only with --population");
});
