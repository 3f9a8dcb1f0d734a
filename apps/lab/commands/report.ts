import { readdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import { MODELS_FOLDER, modelFolder, readModelFolder } from "../files/model-folder.ts";
import { runCells } from "../report/cells/crew.ts";
import { flagshipOf, listCells, type ReportModel } from "../report/cells/list-cells.ts";
import { listTraces } from "../report/cells/traces.ts";
import { reportPage } from "../report/page.ts";
import { pictures } from "../report/pictures.ts";
import { toCsv } from "../report/results/csv.ts";
import { type CutObjective, cutMap } from "../report/results/inner-cuts.ts";
import { margins } from "../report/results/margins.ts";
import type { Report } from "../report/results/report.ts";
import { INSURED, PILOT_NAMES } from "../simulate/policy/pilots.ts";
import { readPopulation } from "../simulate/population/read-population.ts";
import { tracesFolder } from "../simulate/set-up/population-sessions.ts";
import { openSubject } from "../simulate/set-up/subject.ts";
import { bar, type StatusLine } from "../terminal/status-line.ts";
import { command } from "./command.ts";
import { number, text, whole } from "./option.ts";
import { makeOutFolder, seedOption } from "./shared-options.ts";

export const reportCommand = command({
  name: "report",
  about: `Tries EDDI against every policy and writes one page of it (report.html), with all results behind it (report.json,
report.csv).`,
  options: {
    out: text("FOLDER", "where they go", "report"),
    models: text("LIST", `of the models in ${MODELS_FOLDER}/ (default all whose exits were measured)`),
    traces: text("FOLDER", "that holds traces/ (default EDDI_DATA, else ../shared/data)"),
    pictures: text("FOLDER", "where README's two plots go (default nowhere)"),
    effort: number("E", "so many times as many photos as usual", [0.05, 100], 1),
    processes: whole("that work at once (default one for each core)", 1),
    seed: seedOption("of all that is drawn"),
  },
  run: async ({ options, status }) => {
    const { out, seed, effort } = options;
    const folder = tracesFolder(options.traces, process.env);
    await makeOutFolder(out);
    if (options.pictures !== undefined) await makeOutFolder(options.pictures, "--pictures");
    const models = await modelsOf(options.models);
    const traces = listTraces(path.join(folder, "traces"));
    const { strata } = await readPopulation();
    const cells = listCells({
      models,
      traces,
      effort,
      seed,
      strata,
      all: [...PILOT_NAMES, ...ALSO_INSURED.map((name) => `${name}${INSURED}`)],
    });
    const results = await runCells(cells, {
      traces: folder,
      processes: options.processes ?? availableParallelism(),
      onDone: progress(status, cells.length),
    });
    const ids = models.map(({ id }) => id);
    const report: Report = {
      format: 1,
      made: {
        seed,
        effort,
        models: ids,
        traces: traces.map(({ name }) => name),
        answers: results.reduce(
          (sum, { tallies }) => sum + Object.values(tallies).reduce((all, { answers }) => all + answers, 0),
          0,
        ),
      },
      margins: margins(results, ids),
      cutMaps: await cutMapsOf(ids),
      results,
    };
    const files = {
      "report.json": JSON.stringify(report),
      "report.csv": toCsv(results),
      "report.html": reportPage(report),
    };
    await writeFiles(out, files);
    if (options.pictures !== undefined)
      await writeFiles(options.pictures, pictures(report, flagshipOf(models).id));
    status.note(`${path.join(out, "report.html")}, report.json and report.csv beside it`);
  },
});

async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(folder, name), content);
}

/** Of the literature's these are shown with insurance too. */
const ALSO_INSURED = ["cloud-jpeg", "cloud-webp", "edgent", "spinn", "qdmp"];
const CUT_OBJECTIVES: readonly CutObjective[] = ["accuracy", "latency", "throughput"];

async function modelsOf(list: string | undefined): Promise<readonly ReportModel[]> {
  const entries = await readdir(MODELS_FOLDER, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const names = list === undefined ? folders.sort() : list.split(",");
  const found: ReportModel[] = [];
  for (const name of names) {
    const { metadata } = await readModelFolder(modelFolder(name));
    const accuracy = metadata.exits.at(-1)!.accuracy;
    // Untrained ones stand for nothing.
    if (accuracy === null) continue;
    const { layerCosts } = await openSubject(modelFolder(name), 1);
    found.push({ id: name, accuracy, hasLayers: layerCosts !== null });
  }
  return found;
}

async function cutMapsOf(ids: readonly string[]): Promise<Report["cutMaps"]> {
  const maps = [];
  for (const id of ids) {
    const subject = await openSubject(modelFolder(id), 1);
    for (const objective of CUT_OBJECTIVES) maps.push(cutMap(subject, objective));
  }
  return maps;
}

function progress(status: StatusLine, all: number): (done: number) => void {
  const startMs = performance.now();
  return (done) => {
    const leftS = ((performance.now() - startMs) * (all - done)) / done / 1000;
    status.update(`${bar(done / all)} ${done} of ${all} sessions, about ${Math.ceil(leftS / 60)} min left`);
  };
}
