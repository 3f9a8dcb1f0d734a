import type { Page } from "playwright";
import { command } from "../commands/command.ts";
import { number, text, whole } from "../commands/option.ts";
import { outOption, printJson, writeOut } from "../commands/shared-options.ts";
import { modelFolder, readModelFolder } from "../files/model-folder.ts";
import { type Browser, FAKE_CAMERA, openBrowser } from "../rig/phone.ts";
import { Service } from "../rig/service.ts";
import { ShapingProxy } from "../rig/shaping-proxy.ts";
import { runOrTell } from "../terminal/run-or-tell.ts";
import { timingOf } from "./statistics.ts";

/** The link of a phone in town. */
const LTE = { rttMs: 60, uplink: 5.85e6, downlink: 20e6 } as const;
/** A task that takes longer keeps a finger waiting. */
const LONG_TASK_MS = 50;

/** What a visit to the page is watched for, by the page itself. */
interface Watched {
  /** Of all shifts that no finger has caused. */
  readonly layoutShift: number;
  /** Milliseconds of each. */
  readonly longTasks: readonly number[];
  /** Of every answer: whether it came within its budget. */
  readonly inTime: readonly boolean[];
}

/** Runs in the page before its own scripts. The visitor chooses a sample photo as soon as there is one. */
const WATCH = `
const watched = (globalThis.watched = { layoutShift: 0, longTasks: [], inTime: [] });
new PerformanceObserver((list) => {
  for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) watched.layoutShift += value;
}).observe({ type: "layout-shift", buffered: true });
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) watched.longTasks.push(duration);
}).observe({ type: "longtask", buffered: true });
let isChosen = false;
const { promise, resolve } = Promise.withResolvers();
globalThis.answeredMs = promise;
new MutationObserver(() => {
  const sample = document.querySelector(".samples button");
  if (!isChosen && sample !== null) {
    isChosen = true;
    globalThis.eddi.on("answering", ({ answer }) => {
      answer.then(({ totalMs, budgetMs }) => watched.inTime.push(totalMs <= budgetMs)).catch(() => {});
    });
    sample.click();
  }
  if (document.querySelector(".answer .label") !== null) resolve(performance.now());
}).observe(document, { childList: true, subtree: true });
`;

const pageBench = command({
  name: "bench:page",
  call: "npm run -s bench:page --",
  about: `Visits the page in Chromium, as large as a phone, over a shaped 4G link, and prints JSON: JavaScript before it can be
used (bytes, gzip), milliseconds from the address to the first answer of a first visit, with the cloud and with the
phone alone, and of a live camera layout shift, tasks over ${LONG_TASK_MS} ms and the share of answers in time.`,
  options: {
    model: text("ID", "model", "resnet-imagenette"),
    visits: whole("of each kind, in turn", 1, 5),
    seconds: whole("that the camera is live", 5, 20),
    budget: number("MS", "of every live answer", [5, 10_000], 500),
    out: outOption("writes the JSON there too"),
  },
  more: "CHROME_PATH names the browser; without it Playwright's own is used.",
  run: async ({ options, status }) => {
    const { model, visits, seconds, budget } = options;
    const service = await Service.start();
    const proxy = await ShapingProxy.start({ host: "127.0.0.1", port: service.port }, LTE);
    try {
      const url = `http://localhost:${proxy.port}/?model=${model}`;
      // Of the last exit alone: the phone answers when all of its weights are there.
      const { exits } = (await readModelFolder(modelFolder(model))).metadata;
      const lastAccuracy = exits.at(-1)!.accuracy!;
      const cloud: number[] = [];
      const phone: number[] = [];
      for (let visit = 1; visit <= visits; visit++) {
        status.update(`first visits: ${visit} of ${visits}`);
        cloud.push(await firstAnswerMs(url));
        phone.push(await firstAnswerMs(`${url}&only=phone&early=off&accuracy=${lastAccuracy}`));
      }
      const scriptBytes = await scriptBytesOf(`${service.url}/`);
      status.update(`live camera for ${seconds} s`);
      const live = await liveVisit(`${url}&budget=${budget}`, seconds);
      const [withCloud, phoneAlone] = [cloud, phone].map(timingOf);
      const report = {
        bench: "page",
        ...{ model, link: LTE, scriptBytes },
        firstAnswerMs: { cloud: withCloud, phone: phoneAlone, ratio: withCloud!.median / phoneAlone!.median },
        live: { seconds, budgetMs: budget, ...live },
      };
      if (options.out !== undefined) await writeOut(options.out, `${JSON.stringify(report, null, 1)}\n`);
      printJson(report);
    } finally {
      await proxy.close();
      await service.stop();
    }
  },
});

await runOrTell(() => pageBench.run(process.argv.slice(2)));

/** A first visit whose visitor chooses a sample photo as soon as there is one. */
async function firstAnswerMs(url: string): Promise<number> {
  const browser = await openWatched();
  try {
    await browser.page.goto(url);
    return await answered(browser.page);
  } finally {
    await browser.close();
  }
}

/** What the page's own scripts weigh that it declares, without which nothing can be used, compressed by gzip. */
async function scriptBytesOf(url: string): Promise<number> {
  const page = await (await fetch(url)).text();
  const scripts = page.matchAll(/<(?:script[^>]* src|link rel="modulepreload"[^>]* href)="([^"]+)"/g);
  const sizes = await Promise.all([...scripts].map(([, path]) => gzipBytes(new URL(path!, url).href)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function gzipBytes(url: string): Promise<number> {
  const { headers } = await fetch(url, { method: "HEAD", headers: { "accept-encoding": "gzip" } });
  return Number(headers.get("content-length"));
}

/** A visit with the camera live, once weights and measurements are done with. */
async function liveVisit(url: string, seconds: number) {
  const browser = await openWatched(FAKE_CAMERA);
  const { page } = browser;
  try {
    await page.goto(url);
    await answered(page);
    await page.evaluate("eddi.settle()");
    await page.getByRole("button", { name: "Camera" }).tap();
    await page.getByRole("button", { name: "live" }).tap();
    await page.locator(".answer .label").waitFor();
    await page.evaluate("watched.longTasks = []; watched.inTime = []");
    await page.waitForTimeout(1000 * seconds);
    const { layoutShift, longTasks, inTime } = await page.evaluate<Watched>("watched");
    return {
      layoutShift,
      longTasks: longTasks.length,
      longestTaskMs: Math.max(0, ...longTasks),
      answers: inTime.length,
      inTime: inTime.filter(Boolean).length / inTime.length,
    };
  } finally {
    await browser.close();
  }
}

async function openWatched(flags: readonly string[] = []): Promise<Browser> {
  const browser = await openBrowser({ chromePath: process.env.CHROME_PATH ?? null, flags });
  await browser.page.addInitScript(WATCH);
  return browser;
}

/** @returns milliseconds from the address on */
function answered(page: Page): Promise<number> {
  return page.evaluate<number>("answeredMs");
}
