import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
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
import { makeStatusLine } from "../terminal/status-line.ts";

const USAGE = `npm run demo -- [options]

Classifies validation photos in a headless browser of a phone's size, under ${BUDGETS_MS.length} budgets and on
${NETWORKS.length} networks, and prints a table. It ends by itself; the exit code tells whether an answer is missing.

  --model ID       model (default resnet-imagenette)
  --photos N       photos in each cell (default 20)
  --slowdown N     how many times as slow as this machine the phone is (default ${SLOW_PHONE})
  --budgets A,B,C  milliseconds (default ${BUDGETS_MS.join()})
  --data PATH      folder or archive of Imagenette; without it EDDI_DATA, or what "lab data" downloaded
CHROME_PATH names the browser; without it Playwright's own is used.
`;

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      model: { type: "string", default: "resnet-imagenette" },
      photos: { type: "string", default: "20" },
      slowdown: { type: "string", default: `${SLOW_PHONE}` },
      budgets: { type: "string", default: BUDGETS_MS.join() },
      data: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const count = positive("--photos", values.photos);
  const slowdown = positive("--slowdown", values.slowdown);
  const budgetsMs = values.budgets.split(",").map((text) => positive("--budgets", text));
  if (!existsSync(join(ROOT, "models", values.model, "model.json"))) {
    throw new EddiError("not-found", `--model: expected models/${values.model}/model.json, got none`);
  }

  const data = await photosFolder(values.data);
  const service = await Service.start(data === null ? [] : ["--data", data]);
  try {
    const proxy = await ShapingProxy.start({ host: "127.0.0.1", port: service.port }, NETWORKS[0]!.shape);
    const { page, close } = await openBrowser({ chromePath: process.env.CHROME_PATH || null });
    try {
      await page.goto(`http://localhost:${proxy.port}/?model=${values.model}&slowdown=${slowdown}`);
      await page.evaluate("eddi.ready.then(() => eddi.settle())");
      const samples = await listSamples(service.url, count);
      const photos =
        samples.length > 0
          ? await Promise.all(samples.map((sample) => fetchSample(service.url, sample)))
          : await readDrawings(page, count);
      const kind = samples.length > 0 ? "validation photos" : "drawings (there are no photos)";
      const phone = `a phone ${slowdown} times as slow as this machine`;
      process.stdout.write(`${values.model}: the same ${photos.length} ${kind} in each row, ${phone}\n\n`);
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
}

/** The data set's folder, downloaded if need be; null where it cannot be had. */
async function photosFolder(dataOption: string | undefined): Promise<string | null> {
  const found = await findPhotos(dataOption);
  if (found !== null) return found;
  const status = makeStatusLine(process.stderr, () => performance.now());
  try {
    const { url } = imagenette.source;
    return (await getDataSet({ dir: cacheDir(process.env), set: imagenette, url, status })).folder;
  } catch (error) {
    status.note(
      `${(error as Error).message}\nNo photos: the demo classifies the drawings of the page; their accuracy says nothing.`,
    );
    return null;
  }
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new EddiError("bad-argument", `${option}: expected a number above 0, got ${text}`);
}
