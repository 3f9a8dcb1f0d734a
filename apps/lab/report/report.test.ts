import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../data/fixture.ts";
import { textWidth } from "../draw/svg.ts";
import { modelFolder } from "../files/model-folder.ts";
import { readPopulation } from "../simulate/population/read-population.ts";
import { openSubject } from "../simulate/set-up/subject.ts";
import { ASSUMPTIONS } from "./cells/assumptions.ts";
import { HARDSHIPS } from "./cells/hardship-cells.ts";
import { IN_POPULATION, listCells } from "./cells/list-cells.ts";
import { CellRunner } from "./cells/run-cell.ts";
import { reportPage } from "./page.ts";
import { pictures } from "./pictures.ts";
import type { Cell, Study } from "./results/cell.ts";
import { toCsv } from "./results/csv.ts";
import { cutMap } from "./results/inner-cuts.ts";
import { margins } from "./results/margins.ts";
import type { Report } from "./results/report.ts";
import { cutSentence, cutSharesPlot } from "./sections/cuts.ts";

const MODEL = "alexnet-cifar10";
const STUDIES: readonly Study[] = [
  "budgets",
  "uplinks",
  "capacity",
  "load",
  "ablations",
  "hardships",
  "population",
  "splitting",
  "sensitivity",
];

/** One cell is run of each of these: there are many that differ in nothing that the page tells apart. */
const keyOf = ({ study, at }: Cell): string => {
  if (study === "budgets") return String(at.budgetMs);
  if (study === "splitting") return String(at.wish);
  if (study === "hardships") return String(at.hardship);
  if (study === "population" || study === "sensitivity") return JSON.stringify({ ...at, stratum: 0 });
  return Object.keys(at).join();
};

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
let cells: readonly Cell[];
let report: Report;
beforeAll(async () => {
  scratch = await temporaryFolder();
  const file = path.join(scratch.folder, "traces/puffer-home-broadband/one.txt");
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, "0 3\n10 0.5\n20 6\n30 2\n");
  const { strata } = await readPopulation();
  cells = listCells({
    models: [{ id: MODEL, accuracy: 0.85, hasLayers: false }],
    traces: [{ name: "puffer-home-broadband/one.txt", file, rttMs: 40 }],
    effort: 0.05,
    seed: 3,
    strata,
    all: IN_POPULATION,
  });
  const runner = new CellRunner(scratch.folder);
  const untraced = (cell: Cell): boolean =>
    cell.world.kind === "given" || strata[cell.world.place]!.trace === null;
  const results = [];
  for (const study of STUDIES) {
    const isUsual = ({ at }: Cell): boolean => study !== "budgets" || at.slowdown === 4;
    const own = cells.filter((cell) => cell.study === study && isUsual(cell) && untraced(cell));
    const seen = new Set<string>();
    for (const cell of own) {
      if (seen.has(keyOf(cell))) continue;
      seen.add(keyOf(cell));
      results.push(await runner.run(cell));
    }
  }
  const subject = await openSubject(modelFolder(MODEL), 1);
  report = {
    format: 1,
    made: { seed: 3, effort: 0.05, models: [MODEL], traces: ["puffer-home-broadband/one.txt"], answers: 1 },
    margins: margins(results, [MODEL]),
    cutMaps: [cutMap(subject, "accuracy"), cutMap(subject, "latency"), cutMap(subject, "throughput")],
    results,
  };
});
afterAll(() => scratch.remove());

test("conditions are fixed beforehand: every study, every assumption, budgets of 10 to 1000 ms", () => {
  expect(new Set(cells.map(({ study }) => study))).toEqual(new Set(STUDIES));
  const budgets = cells.filter(({ study }) => study === "budgets").map(({ at }) => Number(at.budgetMs));
  expect([Math.min(...budgets), Math.max(...budgets)]).toEqual([10, 1000]);
  const assumed = new Set(cells.flatMap(({ world }) => (world.kind === "stratum" ? world.assumption : null)));
  expect(assumed).toEqual(new Set([null, ...ASSUMPTIONS.map(({ name }) => name)]));
  const clients = cells.flatMap(({ at }) => at.clients ?? []);
  expect([Math.min(...clients.map(Number)), Math.max(...clients.map(Number))]).toEqual([1, 200]);
});

test("the page has a section for all of it, nothing that is no number, and needs nothing else", () => {
  const page = reportPage(report);
  const titles = [...page.matchAll(/<h2>([^<]*)/g)].map(([, title]) => title);
  expect(titles).toHaveLength(13);
  expect(/.{60}(NaN|undefined|null|\[object)/.exec(page)?.[0]).toBeUndefined();
  expect(/(src|href)=|@import|url\(/.exec(page)).toBeNull();
  expect(page).toContain("Where a cut inside the DAG is best");
  // Every cell of the margins' table says on a phone what it is.
  const stacked = /<div class="wide stacks">.*?<\/div>/s.exec(page)![0];
  expect(stacked.match(/<tr><td/g)!.length).toBeGreaterThan(10);
  expect(stacked).toContain('data-label="EDDI is ahead by"');
});

test("each hardship is told alone, beside a world with none and one with all", () => {
  const worlds = cells.filter(({ study }) => study === "hardships");
  const sparedOf = (hardship: string) =>
    worlds.flatMap(({ at, world }) =>
      at.hardship === hardship && world.kind === "given" ? [world.without] : [],
    );
  expect(new Set(sparedOf("none").map(String))).toEqual(new Set([String(HARDSHIPS)]));
  expect(new Set(sparedOf("all").map(String))).toEqual(new Set([""]));
  for (const hardship of HARDSHIPS) {
    for (const spared of sparedOf(hardship)) {
      expect([...spared, hardship].toSorted()).toEqual([...HARDSHIPS].toSorted());
    }
  }
});

test("margins say what there was to gain, and none is called reached that is not", () => {
  const found = report.margins.filter(({ model }) => model === "all");
  expect(new Set(found.map(({ what }) => what)).size).toBeGreaterThan(5);
  for (const { estimate, against, ceiling } of found) {
    expect(estimate.low, against).toBeLessThanOrEqual(estimate.value + 1e-9);
    expect(estimate.high, against).toBeGreaterThanOrEqual(estimate.value - 1e-9);
    expect(ceiling === null).toBe(against === "clairvoyant" || against.startsWith("rows"));
  }
});

test("where cuts are best is one sentence of shares that are whole", () => {
  for (const { shares } of report.cutMaps) {
    expect(shares.edge + shares.inner + shares.image).toBeCloseTo(1, 9);
  }
  expect(cutSentence(report.cutMaps)).toMatch(
    /^A cut inside the DAG is the best plan for accuracy in \d+ %, for latency in \d+ %, and for throughput in \d+ % of 403 conditions/,
  );
});

test("README's pictures stand by themselves", () => {
  const drawn = pictures(report, MODEL);
  expect(Object.keys(drawn)).toEqual(["accuracy-in-time.svg", "inner-cuts.svg"]);
  for (const svg of Object.values(drawn)) {
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox/);
    expect(svg).toContain("prefers-color-scheme:dark");
    expect(svg).not.toMatch(/NaN|undefined/);
  }
});

test("a model's name has its room beside the shares, however long", () => {
  const model = "a-model-of-a-rather-long-name-as-people-give-them";
  const [first] = report.cutMaps;
  const plot = cutSharesPlot([{ ...first!, model }]);
  const [, end] = /<text x="([\d.]+)"[^>]*>a-model/.exec(plot)!;
  expect(Number(end)).toBeGreaterThan(textWidth(`${model}, ${first!.objective}`, 11));
  const [, width] = /viewBox="0 0 (\d+) /.exec(plot)!;
  for (const [, x, wide] of plot.matchAll(/<rect x="([\d.]+)"[^>]*width="([\d.]+)"/g)) {
    expect(Number(x)).toBeGreaterThan(Number(end));
    expect(Number(x) + Number(wide)).toBeLessThan(Number(width));
  }
});

test("the CSV has a line for each cell and policy", () => {
  const lines = toCsv(report.results).trim().split("\n");
  const count = report.results.reduce((sum, { tallies }) => sum + Object.keys(tallies).length, 0);
  expect(lines).toHaveLength(count + 1);
  expect(lines[0]).toMatch(/^study,model,.*right,rightInTime.*p99Ms$/);
  const width = lines[0]!.split(",").length;
  for (const line of lines) expect(line.split(",").length).toBe(width);
});
