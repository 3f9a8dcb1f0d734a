import { readdirSync, readFileSync } from "node:fs";
import type { Route } from "playwright";
import { build, type Rolldown } from "vite";
import { EddiError } from "#shared/errors";
import { command } from "../commands/command.ts";
import { whole } from "../commands/option.ts";
import { openBrowser, SOFTWARE_WEBGPU } from "../rig/phone.ts";
import { runOrTell } from "../terminal/run-or-tell.ts";
import { timingOf } from "./statistics.ts";

const ORIGIN = "http://localhost:9";
const WORKER = "apps/web/bench/webgpu-worker.ts";

/** Runs in a block: as many as SwiftShader computes in some seconds. */
const SUBJECTS = [
  { model: "tiny", exit: null, runs: 60 },
  { model: "mobilenet-imagenette", exit: "exit1", runs: 8 },
  { model: "mobilenet-imagenette", exit: null, runs: 6 },
] as const;

/** Hands what is asked to a worker. */
const PAGE = `<!doctype html><script>
const worker = new Worker("/worker.js", { type: "module" });
globalThis.ask = (asked) =>
  new Promise((done, fail) => {
    worker.onmessage = ({ data }) => (data.failed === undefined ? done(data.ok) : fail(new Error(data.failed)));
    worker.onerror = ({ message }) => fail(new Error(message));
    worker.postMessage(asked);
  });
</script>`;

/** As the worker answers. */
interface Ran {
  readonly jsMs: readonly number[];
  readonly wallMs: readonly number[];
  readonly scores: readonly number[];
}

const webgpuBench = command({
  name: "bench:webgpu",
  call: "npm run -s bench:webgpu --",
  about: `Runs heads in a worker of Chromium on WebGPU (SwiftShader), by TF.js and replayed in turn, and prints JSON of a
run's medians: jsMs, the worker's JavaScript from feeding until all is submitted; threadCpuMs, the processor time of the
worker's thread, reading included, where the system tells it (Linux, /proc); wallMs, until the scores are there.
The GPU's work is another process': SwiftShader's computing is in wallMs alone.`,
  options: {
    rounds: whole("of each, in turn", 1, 3),
    scale: whole("times as many runs in a round", 1, 1),
  },
  more: "CHROME_PATH names the browser; without it Playwright's own is used.",
  run: async ({ options }) => {
    const rows = [];
    const worker = await bundled();
    for (const subject of SUBJECTS) {
      process.stderr.write(`${subject.model}, ${subject.exit ?? "whole"}\n`);
      rows.push(await compare(worker, subject, options.rounds, options.scale));
    }
    process.stdout.write(`${JSON.stringify(rows, null, 1)}\n`);
  },
});

await runOrTell(() => webgpuBench.run(process.argv.slice(2)));

/** The worker's script, with all that it imports. */
async function bundled(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    build: { write: false, target: "es2022", lib: { entry: WORKER, formats: ["es"] } },
  });
  const [one] = (Array.isArray(built) ? built : [built]) as readonly Rolldown.RolldownOutput[];
  return one!.output[0].code;
}

async function compare(worker: string, subject: (typeof SUBJECTS)[number], rounds: number, scale: number) {
  const browser = await openBrowser({ chromePath: process.env.CHROME_PATH ?? null, flags: SOFTWARE_WEBGPU });
  try {
    const { page, context } = browser;
    await context.route(`${ORIGIN}/**`, (route) => serve(route, worker));
    await page.goto(ORIGIN);
    const ask = <T>(asked: object): Promise<T> =>
      page.evaluate(
        (message) => (globalThis as unknown as { ask(asked: object): Promise<unknown> }).ask(message),
        asked,
      ) as Promise<T>;
    const told = await ask<string>({ kind: "open", model: subject.model, exit: subject.exit });
    if (told !== "") throw new EddiError("unavailable", told);
    const found = { tfjs: [] as Block[], replay: [] as Block[] };
    const runs = subject.runs * scale;
    for (let round = 0; round < rounds; round++) {
      for (const by of ["tfjs", "replay"] as const) {
        const before = workerCpuMs();
        const ran = await ask<Ran>({ kind: "run", by, runs });
        const after = workerCpuMs();
        const cpuMs = before === null || after === null ? null : (after - before) / runs;
        found[by].push({ ...ran, cpuMs });
      }
    }
    const isSame = [...found.tfjs, ...found.replay].every(
      ({ scores }) => `${scores}` === `${found.tfjs[0]!.scores}`,
    );
    if (!isSame) throw new EddiError("internal", "expected the same scores of both, got others");
    const [tfjs, replay] = [summary(found.tfjs), summary(found.replay)];
    const ratio = (a: number | null, b: number | null) =>
      a === null || b === null || b === 0 ? null : a / b;
    return {
      model: subject.model,
      part: subject.exit ?? "whole",
      ...{ tfjs, replay },
      jsRatio: ratio(replay.jsMs, tfjs.jsMs),
      threadCpuRatio: ratio(replay.threadCpuMs, tfjs.threadCpuMs),
    };
  } finally {
    await browser.close();
  }
}

interface Block extends Ran {
  readonly cpuMs: number | null;
}

function summary(blocks: readonly Block[]) {
  const cpu = blocks.flatMap(({ cpuMs }) => cpuMs ?? []);
  return {
    jsMs: timingOf(blocks.flatMap(({ jsMs }) => jsMs)).median,
    threadCpuMs: cpu.length === 0 ? null : cpu.reduce((a, b) => a + b, 0) / cpu.length,
    wallMs: timingOf(blocks.flatMap(({ wallMs }) => wallMs)).median,
  };
}

async function serve(route: Route, worker: string): Promise<void> {
  const { pathname } = new URL(route.request().url());
  // Isolated pages have a clock of 5 microseconds; others' is of 100.
  const headers = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
  };
  if (pathname === "/") await route.fulfill({ headers, contentType: "text/html", body: PAGE });
  else if (pathname === "/worker.js")
    await route.fulfill({ headers, contentType: "text/javascript", body: worker });
  else if (pathname.startsWith("/models/"))
    await route.fulfill({ headers, body: readFileSync(pathname.slice(1)) });
  else await route.fulfill({ status: 404 });
}

/** Processor time of the threads of workers among this process' descendants; null where the system does not tell. */
function workerCpuMs(): number | null {
  try {
    const parents = new Map(
      readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .flatMap((pid) => {
          const stat = statOf(`/proc/${pid}/stat`);
          return stat === null ? [] : [[pid, stat[1]!] as const];
        }),
    );
    const isOurs = (pid: string | undefined): boolean =>
      pid !== undefined && (pid === `${process.pid}` || isOurs(parents.get(pid)));
    let found: number | null = null;
    for (const pid of [...parents.keys()].filter(isOurs)) {
      for (const task of readdirSync(`/proc/${pid}/task`)) {
        const folder = `/proc/${pid}/task/${task}`;
        if (!readFileSync(`${folder}/comm`, "utf8").startsWith("DedicatedWorker")) continue;
        const ran = /se\.sum_exec_runtime\s*:\s*([\d.]+)/.exec(readFileSync(`${folder}/sched`, "utf8"));
        if (ran !== null) found = (found ?? 0) + Number(ran[1]);
      }
    }
    return found;
  } catch {
    return null;
  }
}

/** The fields behind a process' name: its state, its parent, and so on; null when it has ended. */
function statOf(file: string): readonly string[] | null {
  try {
    const text = readFileSync(file, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}
