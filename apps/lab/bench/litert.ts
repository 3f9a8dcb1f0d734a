import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright";
import { EddiError } from "#shared/errors";
import { allEdge, type ModelInput, type Plan, readModel, type Segment, splitPlan } from "#shared/model";
import { command } from "../commands/command.ts";
import { whole } from "../commands/option.ts";
import { modelFolder } from "../files/model-folder.ts";
import { openBrowser } from "../rig/phone.ts";
import { Service } from "../rig/service.ts";
import { runOrTell } from "../terminal/run-or-tell.ts";
import { timingOf } from "./statistics.ts";

const MODELS = ["resnet-imagenette", "mobilenet-imagenette", "inception-imagenette"] as const;
const ENGINES = ["tfjs", "litert"] as const;
/** Runs that are timed as one: a browser's clock is coarse. */
const RUNS = 4;

const litertBench = command({
  name: "bench:litert",
  call: "npm run -s bench:litert --",
  about: `Times heads in Chromium, in the page's edge worker, on TF.js' WASM and on LiteRT's by turns, each on one thread, and
prints JSON: of each model the first exit and the whole, ms of one image, fed and read back, by median and least, and
how many times as fast LiteRT is by both.`,
  options: { rounds: whole("of each, in turn", 1, 12) },
  more: "CHROME_PATH names the browser; without it Playwright's own is used.",
  run: async ({ options }) => {
    const service = await Service.start();
    try {
      const rows = [];
      for (const model of MODELS) rows.push(...(await compare(service.url, model, options.rounds)));
      process.stdout.write(`${JSON.stringify(rows, null, 1)}\n`);
    } finally {
      await service.stop();
    }
  },
});

async function compare(url: string, id: string, rounds: number) {
  const model = readModel(readFileSync(join(modelFolder(id), "model.json")));
  const { exits } = model.metadata;
  const parts = [exits[0]!, exits.at(-1)!].map((exit, at) => ({
    part: at === 0 ? exit.id : "whole",
    segment: splitPlan(model, allEdge(model, exit.id)).head,
  }));
  const { page: first, context, close } = await openBrowser({ chromePath: process.env.CHROME_PATH || null });
  try {
    const pages = { tfjs: first, litert: await context.newPage() };
    for (const engine of ENGINES) {
      await open(pages[engine], `${url}/?model=${id}&engine=${engine}`);
      await pages[engine].evaluate(FETCH_ALL, [
        allEdge(model, exits.at(-1)!.id),
        model.metadata.input,
      ] as const);
    }
    const rows = [];
    for (const { part, segment } of parts) {
      process.stderr.write(`${id}, ${part}\n`);
      const found: Record<(typeof ENGINES)[number], number[]> = { tfjs: [], litert: [] };
      // The first round compiles.
      for (let round = -1; round < rounds; round++) {
        for (const engine of ENGINES) {
          const ms = await time(pages[engine], segment);
          if (round >= 0) found[engine].push(ms);
        }
      }
      await check(pages.litert);
      const [tfjs, litert] = ENGINES.map((engine) => {
        return { medianMs: timingOf(found[engine]).median, leastMs: Math.min(...found[engine]) };
      });
      const timesAsFast = {
        byMedian: tfjs!.medianMs / litert!.medianMs,
        byLeast: tfjs!.leastMs / litert!.leastMs,
      };
      rows.push({ model: id, part, tfjs, litert, timesAsFast });
    }
    return rows;
  } finally {
    await close();
  }
}

/** With a budget for which all weights are fetched. */
async function open(page: Page, url: string): Promise<void> {
  await page.goto(`${url}&backend=wasm&profile=off&budget=10000`);
  await page.evaluate("eddi.ready.then(() => eddi.settle())");
  // A headless browser draws in software, on the cores that are to compute.
  await page.addStyleTag({ content: "main { display: none }" });
}

/** Runs in the page: to run a plan its weights are fetched. */
const FETCH_ALL = async ([plan, { height, width }]: readonly [
  Plan,
  Pick<ModelInput, "height" | "width">,
]) => {
  const { eddi } = globalThis as unknown as PageGlobals;
  await eddi.answer(new Float32Array(height * width * 3), { plan, budgetMs: 10_000 });
  await eddi.settle();
};

/** What is read of the page's own interface, `globalThis.eddi`. */
interface PageGlobals {
  readonly eddi: {
    time(what: object): Promise<number>;
    answer(
      values: Float32Array,
      options: { readonly plan: Plan; readonly budgetMs: number },
    ): Promise<unknown>;
    settle(): Promise<void>;
  };
}

/** @throws EddiError `unavailable` where TF.js has taken over: then nothing was compared */
async function check(page: Page): Promise<void> {
  const { runtime } = (await page.evaluate("eddi.state().engine")) as { readonly runtime: string };
  if (runtime === "litert-wasm") return;
  throw new EddiError("unavailable", `engine: expected litert-wasm, got ${runtime}`);
}

function time(page: Page, segment: Segment): Promise<number> {
  return page.evaluate((what) => (globalThis as unknown as PageGlobals).eddi.time(what), {
    part: "whole",
    segment,
    runs: RUNS,
  });
}

await runOrTell(() => litertBench.run(process.argv.slice(2)));
