import type { Page } from "playwright";
import { allEdge, type Plan } from "#shared/model";
import { command } from "../commands/command.ts";
import { flag, number, text, whole } from "../commands/option.ts";
import { outOption, printJson, writeOut } from "../commands/shared-options.ts";
import { modelFolder, readModelFolder } from "../files/model-folder.ts";
import { type Browser, FAKE_CAMERA, openBrowser } from "../rig/phone.ts";
import { Service } from "../rig/service.ts";
import { ShapingProxy } from "../rig/shaping-proxy.ts";
import { runOrTell } from "../terminal/run-or-tell.ts";
import { lighthouse } from "./lighthouse.ts";
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

/** Milliseconds from the address on, and whose answer it was. */
type FirstAnswer = readonly [ms: number, source: string];

/**
 * Runs in the page before its own scripts. The visitor chooses a sample photo as soon as there is one; or, where a plan is
 * given, has an image answered by that.
 */
const watching = (plan: Plan | null): string => `
const plan = ${JSON.stringify(plan)};
const watched = (globalThis.watched = { source: "provisional", layoutShift: 0, longTasks: [], inTime: [] });
new PerformanceObserver((list) => {
  for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) watched.layoutShift += value;
}).observe({ type: "layout-shift", buffered: true });
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) watched.longTasks.push(duration);
}).observe({ type: "longtask", buffered: true });
let isChosen = false;
const { promise, resolve, reject } = Promise.withResolvers();
globalThis.firstAnswer = promise;
new MutationObserver(() => {
  const sample = document.querySelector(".samples button");
  if (!isChosen && sample !== null) {
    isChosen = true;
    globalThis.eddi.on("answering", ({ answer }) => {
      answer
        .then(({ totalMs, budgetMs, source }) => {
          watched.source = source;
          watched.inTime.push(totalMs <= budgetMs);
        })
        .catch(reject);
    });
    if (plan === null) sample.click();
    else
      globalThis.eddi
        .answer(new ImageData(160, 160), { plan, budgetMs: 10_000 })
        .then(({ source }) => resolve([performance.now(), source]), reject);
  }
  if (plan === null && document.querySelector(".answer .label") !== null) resolve([performance.now(), watched.source]);
}).observe(document, { childList: true, subtree: true });
`;

const pageBench = command({
  name: "bench:page",
  call: "npm run -s bench:page --",
  about: `Visits the page in Chromium, as large as a phone, over a shaped 4G link, and prints JSON: JavaScript before it can be
used (bytes, gzip), milliseconds from the address to the first answer of a first visit, as planned and all on the phone
at the last exit, and of a second one, with the bytes that came until then; of a live camera layout shift, tasks over
${LONG_TASK_MS} ms and the share of answers in time.`,
  options: {
    model: text("ID", "model", "resnet-imagenette"),
    visits: whole("of each kind, in turn", 1, 5),
    seconds: whole("that the camera is live", 5, 20),
    budget: number("MS", "of every live answer", [5, 10_000], 500),
    lighthouse: flag("ask Lighthouse too, which npx fetches; its visits go straight to the service"),
    out: outOption("writes the JSON there too"),
  },
  more: "CHROME_PATH names the browser; without it Playwright's own is used.",
  run: async ({ options, status }) => {
    const { model, visits, seconds, budget } = options;
    const service = await Service.start();
    const proxy = await ShapingProxy.start({ host: "127.0.0.1", port: service.port }, LTE);
    try {
      const url = `http://localhost:${proxy.port}/?model=${model}`;
      const described = await readModelFolder(modelFolder(model));
      // Answers when all weights are there.
      const whole = allEdge(described, described.metadata.exits.at(-1)!.id);
      const asPlanned: FirstAnswer[] = [];
      const allOnPhone: FirstAnswer[] = [];
      for (let visit = 1; visit <= visits; visit++) {
        status.update(`first visits: ${visit} of ${visits}`);
        asPlanned.push(await firstAnswer(url, null));
        allOnPhone.push(await firstAnswer(url, whole));
      }
      const again: SecondVisit[] = [];
      for (let visit = 1; visit <= visits; visit++) {
        status.update(`second visits: ${visit} of ${visits}`);
        again.push(await secondVisit(url, proxy));
      }
      const scriptBytes = await scriptBytesOf(`${service.url}/`);
      status.update(`live camera for ${seconds} s`);
      const live = await liveVisit(`${url}&budget=${budget}`, seconds);
      if (options.lighthouse) status.update(`Lighthouse: ${visits} visits`);
      const scores = options.lighthouse && (await lighthouse(`${service.url}/?model=${model}`, visits));
      const [planned, phone] = [asPlanned, allOnPhone].map(timed);
      const report = {
        bench: "page",
        ...{ model, link: LTE, scriptBytes },
        firstAnswerMs: { planned, phone, ratio: planned!.median / phone!.median },
        secondVisit: {
          firstAnswerMs: timed(again.map(({ answer }) => answer)),
          bytes: timingOf(again.map(({ bytes }) => bytes)),
        },
        live: { seconds, budgetMs: budget, ...live },
        ...(scores && { lighthouse: scores }),
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

/** A first visit; what is waited for is chosen as soon as it can be. */
async function firstAnswer(url: string, plan: Plan | null): Promise<FirstAnswer> {
  const browser = await openWatched(plan);
  try {
    await browser.page.goto(url);
    return await answered(browser.page);
  } finally {
    await browser.close();
  }
}

interface SecondVisit {
  readonly answer: FirstAnswer;
  /** That came over the link until then, headers included. */
  readonly bytes: number;
}

/** A visit after one that has left with the browser what it keeps. */
async function secondVisit(url: string, proxy: ShapingProxy): Promise<SecondVisit> {
  const browser = await openWatched(null, [], true);
  const { page } = browser;
  try {
    await page.goto(url);
    await answered(page);
    await page.evaluate("eddi.settle()");
    await page.evaluate("navigator.serviceWorker.ready.then(() => null)");
    await page.goto("about:blank");
    const before = proxy.carried.down;
    await page.goto(url);
    const answer = await answered(page);
    return { answer, bytes: proxy.carried.down - before };
  } finally {
    await browser.close();
  }
}

/** With how often whose answer it was. */
function timed(answers: readonly FirstAnswer[]) {
  const by: Record<string, number> = {};
  for (const [, source] of answers) by[source] = (by[source] ?? 0) + 1;
  return { ...timingOf(answers.map(([ms]) => ms)), by };
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
  const browser = await openWatched(null, FAKE_CAMERA);
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

async function openWatched(
  plan: Plan | null,
  flags: readonly string[] = [],
  keepsPages = false,
): Promise<Browser> {
  const browser = await openBrowser({ chromePath: process.env.CHROME_PATH ?? null, flags, keepsPages });
  await browser.page.addInitScript(watching(plan));
  return browser;
}

function answered(page: Page): Promise<FirstAnswer> {
  return page.evaluate<FirstAnswer>("firstAnswer");
}
