import { existsSync } from "node:fs";
import { join } from "node:path";
import { EddiError } from "#shared/errors";
import { cacheDir } from "../data/find-data.ts";
import { getDataSet } from "../data/get-data-set.ts";
import { imagenette } from "../data/imagenette.ts";
import { fetchSample, findPhotos, listSamples, readDrawings } from "../demo/photos.ts";
import { type DemoCell, runDemo } from "../demo/run-demo.ts";
import { BUDGETS_MS, NETWORKS, SLOW_PHONE } from "../demo/settings.ts";
import { demoTable } from "../demo/table.ts";
import { openBrowser } from "../rig/phone.ts";
import { ROOT, Service } from "../rig/service.ts";
import { ShapingProxy } from "../rig/shaping-proxy.ts";
import type { StatusLine } from "../terminal/status-line.ts";
import { command } from "./command.ts";
import { parsed, text } from "./option.ts";

export const demoCommand = command({
  name: "demo",
  call: "npm run demo --",
  about: `Classifies validation photos in a headless browser of a phone's size, under ${BUDGETS_MS.length} budgets and on
${NETWORKS.length} networks, and prints a table. It ends by itself; the exit code tells whether an answer is missing.`,
  options: {
    model: text("ID", "model", "resnet-imagenette"),
    photos: parsed("N", "photos in each cell", positive, "20"),
    slowdown: parsed("N", "how many times as slow as this machine the phone is", positive, `${SLOW_PHONE}`),
    budgets: parsed(
      "A,B,C",
      "milliseconds",
      (list, option) => list.split(",").map((one) => positive(one, option)),
      BUDGETS_MS.join(),
    ),
    data: text(
      "PATH",
      'folder or archive of Imagenette; without it EDDI_DATA, or what "lab data" downloaded',
    ),
  },
  more: "CHROME_PATH names the browser; without it Playwright's own is used.",
  run: async ({ options, status }) => {
    const { model, photos: count, slowdown, budgets: budgetsMs } = options;
    if (!existsSync(join(ROOT, "models", model, "model.json"))) {
      throw new EddiError("not-found", `--model: expected models/${model}/model.json, got none`);
    }

    const data = await photosFolder(options.data, status);
    const service = await Service.start(data === null ? [] : ["--data", data]);
    try {
      const proxy = await ShapingProxy.start({ host: "127.0.0.1", port: service.port }, NETWORKS[0]!.shape);
      const { page, close } = await openBrowser({ chromePath: process.env.CHROME_PATH || null });
      try {
        await page.goto(`http://localhost:${proxy.port}/?model=${model}&slowdown=${slowdown}`);
        await page.evaluate("eddi.ready.then(() => eddi.settle())");
        const samples = await listSamples(service.url, count);
        const photos =
          samples.length > 0
            ? await Promise.all(samples.map((sample) => fetchSample(service.url, sample)))
            : await readDrawings(page, count);
        const kind = samples.length > 0 ? "validation photos" : "drawings (there are no photos)";
        const phone = `a phone ${slowdown} times as slow as this machine`;
        process.stdout.write(`${model}: the same ${photos.length} ${kind} in each row, ${phone}\n\n`);
        const cells: DemoCell[] = [];
        await runDemo({
          page,
          proxy,
          networks: NETWORKS,
          budgetsMs,
          photos,
          onCell: (cell) => cells.push(cell),
        });
        process.stdout.write(demoTable(cells));
        const missing = cells.reduce((sum, cell) => sum + cell.photos - cell.answers.length, 0);
        if (missing > 0) throw new EddiError("unavailable", `${missing} answers are missing`);
      } finally {
        await close();
        await proxy.close();
      }
    } finally {
      await service.stop();
    }
  },
});

/** The data set's folder, downloaded if need be; null where it cannot be had. */
async function photosFolder(dataOption: string | undefined, status: StatusLine): Promise<string | null> {
  const found = await findPhotos(dataOption);
  if (found !== null) return found;
  try {
    return (await getDataSet({ dir: cacheDir(process.env), set: imagenette, status })).folder;
  } catch (error) {
    status.note(
      `${(error as Error).message}\nNo photos: the demo classifies the drawings of the page; their accuracy says nothing.`,
    );
    return null;
  }
}

function positive(text: string, option: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new EddiError("bad-argument", `${option}: expected a number above 0, got ${text}`);
}
