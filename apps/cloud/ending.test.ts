import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, describe, test } from "vitest";
import { BUILT_SERVICE, INFER } from "./testing/child-fixture.ts";
import { childrenOf } from "./testing/children-of.ts";
import { canMountDead, mountDead } from "./testing/dead-mount-fixture.ts";
import { copyOfModels, MODELS_DIR } from "./testing/fixture.ts";

const PATIENCE = { interval: 100 };

// Most of what these tests take is waiting: for file systems that do not answer, and for limits to pass.
const cleanUps: (() => unknown)[] = [];
afterAll(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

interface Started {
  readonly child: ChildProcess;
  readonly url: string;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  /** All that it has logged. */
  log(): string;
}

async function scratch(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "eddi-ending-"));
  cleanUps.push(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** @param preload a module that every thread of it runs first */
function spawnService(args: readonly string[], preload?: string) {
  const all = [BUILT_SERVICE, "--port", "0", "--engine", "wasm", "--workers", "1", ...args];
  const env = { ...process.env, ...(preload === undefined ? {} : { NODE_OPTIONS: `--import ${preload}` }) };
  const child = spawn(process.execPath, all, { stdio: ["ignore", "pipe", "pipe"], env });
  cleanUps.push(() => child.kill("SIGKILL"));
  let log = "";
  child.stderr.on("data", (chunk) => {
    log += chunk;
  });
  const ended = once(child, "exit").then(([code, signal]) => ({ code, signal }));
  return { child, ended, log: () => log };
}

async function start(args: readonly string[], preload?: string): Promise<Started> {
  const { child, ended, log } = spawnService(["--models", MODELS_DIR, ...args], preload);
  const [line] = await Promise.race([
    once(createInterface(child.stdout), "line"),
    ended.then((end) => Promise.reject(new Error(`ended: ${JSON.stringify(end)} ${log()}`))),
  ]);
  return { child, url: String(line).split(" ")[2]!, ended, log };
}

function makeFifo(path: string): void {
  execFileSync("mkfifo", [path]);
}

type Row = { readonly name: string; readonly state: string; readonly reason: string };
const indexOf = async (url: string): Promise<readonly Row[]> => {
  const answer = await fetch(`${url}/v2/repository/index`, { method: "POST" });
  return (await answer.json()) as readonly Row[];
};
const infer = async (url: string) => (await fetch(`${url}${INFER.path}`, INFER)).status;

describe.skipIf(process.platform === "win32")("what never answers (FIFOs)", { concurrent: true }, () => {
  test("as files of models: these are refused, others come and go, and it ends", async ({ expect }) => {
    const { dir, remove } = await copyOfModels(["tiny", "shard"]);
    cleanUps.push(remove);
    execFileSync("mkdir", [join(dir, "graph")]);
    makeFifo(join(dir, "graph", "model.json"));
    await rm(join(dir, "shard", "weights-02.bin"));
    makeFifo(join(dir, "shard", "weights-02.bin"));
    execFileSync("sed", ["-i", 's/"id":"tiny"/"id":"shard"/', join(dir, "shard", "model.json")]);
    const { child, url, ended, log } = await start([
      "--models",
      dir,
      "--models-poll-ms",
      "50",
      "--drain-ms",
      "0",
    ]);
    const reason = expect.stringMatching(/: expected a regular file, got a FIFO$/);
    for (const name of ["graph", "shard"]) {
      expect(await indexOf(url)).toContainEqual({ name, version: "", state: "UNAVAILABLE", reason });
      // Nobody waits for it by HTTP either.
      const file = name === "graph" ? "model.json" : "weights-02.bin";
      expect((await fetch(`${url}/models/${name}/${file}`)).status).toBe(404);
    }
    await rm(join(dir, "graph"), { recursive: true });
    await expect
      .poll(async () => (await indexOf(url)).map(({ name }) => name), PATIENCE)
      .not.toContain("graph");
    expect(await infer(url)).toBe(200);
    child.kill("SIGTERM");
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(log()).toContain("model shard: refused: weights-02.bin: expected a regular file, got a FIFO");
  });

  test("as files of the page and as photos: they are not there, and it ends", async ({ expect }) => {
    const dir = await scratch();
    execFileSync("mkdir", ["-p", join(dir, "web", "assets"), join(dir, "data", "val", "n01440764")]);
    for (const path of ["index.html", "assets/a.js", "assets/b.js.br"]) makeFifo(join(dir, "web", path));
    await writeFile(join(dir, "web", "assets", "b.js"), "export {};");
    makeFifo(join(dir, "data", "val", "n01440764", "a.jpeg"));
    const { child, url, ended } = await start([
      ...["--web", join(dir, "web"), "--data", join(dir, "data"), "--drain-ms", "0"],
    ]);
    expect(await (await fetch(`${url}/samples/index.json`)).json()).toEqual({
      source: "none",
      photos: [],
      others: [],
    });
    // More of them than Node has threads for files.
    for (const path of [
      "/",
      "/index.html",
      "/assets/a.js",
      "/assets/b.js",
      "/samples/photos/n01440764/a.jpeg",
    ]) {
      expect((await fetch(url + path)).status, path).toBe(404);
    }
    expect(await infer(url)).toBe(200);
    child.kill("SIGTERM");
    expect(await ended).toEqual({ code: 0, signal: null });
  });

  test.for<[string, string[], RegExp]>([
    ["--keys", [], /^--keys .*: expected a regular file, got a FIFO\n$/],
    ["--config", [], /^--config .*: expected a regular file, got a FIFO\n$/],
    ["--tls-cert", ["--tls-key"], /^--tls-cert: expected a regular file, got a FIFO for /],
  ])("as the file of %s: it says so and ends", async ([option, others, message], { expect }) => {
    const path = join(await scratch(), "fifo");
    makeFifo(path);
    const args = [option, ...others].flatMap((name) => [name, path]);
    const { ended, log } = spawnService(["--models", MODELS_DIR, "--open", "--log-level", "warn", ...args]);
    expect(await ended).toEqual({ code: 1, signal: null });
    expect(log()).toMatch(message);
  });
});

describe.skipIf(!(await canMountDead()))(
  "dead mounts (needs the right to mount)",
  { concurrent: true },
  () => {
    test("as the folder of a model: told once, other models come and go, and it ends", async ({ expect }) => {
      const { dir, remove } = await copyOfModels(["tiny"]);
      cleanUps.push(remove);
      const mount = await mountDead(join(dir, "dead"));
      cleanUps.push(() => mount.remove());
      const { child, url, ended, log } = await start([
        ...["--models", dir, "--models-poll-ms", "50", "--drain-ms", "100"],
      ]);
      expect(await infer(url)).toBe(200);
      await expect
        .poll(async () => (await indexOf(url)).find(({ name }) => name === "dead"), PATIENCE)
        .toMatchObject({
          state: "UNAVAILABLE",
          reason: expect.stringMatching(/^expected the file system to answer within \d+ ms, it did not$/),
        });
      execFileSync("cp", ["-r", join(dir, "tiny"), join(dir, ".second")]);
      execFileSync("sed", ["-i", 's/"id":"tiny"/"id":"second"/', join(dir, ".second", "model.json")]);
      execFileSync("mv", [join(dir, ".second"), join(dir, "second")]);
      await expect
        .poll(async () => (await fetch(`${url}/v2/models/second/ready`)).status, PATIENCE)
        .toBe(200);
      expect(await infer(url)).toBe(200);
      expect(log().match(/model dead: refused/g)).toHaveLength(1);
      child.kill("SIGTERM");
      // Nobody but the system can end what waits for a dead mount.
      expect(await ended).toEqual({ code: null, signal: "SIGKILL" });
    });

    test.for<[string, RegExp]>([
      ["--models", /^models: expected a folder: expected the file system to answer within \d+ ms/],
      ["--keys", /^--keys .*: expected the file system to answer within \d+ ms/],
      ["--config", /^--config .*: expected the file system to answer within \d+ ms/],
    ])("as what %s names: it says so and ends", async ([option, message], { expect }) => {
      const path = join(await scratch(), "mount");
      const mount = await mountDead(path);
      cleanUps.push(() => mount.remove());
      const named = option === "--models" ? path : join(path, "file");
      const { ended, log } = spawnService(["--log-level", "warn", option, named]);
      const { code, signal } = await ended;
      expect(code === 1 || signal === "SIGKILL").toBe(true);
      expect(log()).toMatch(message);
    });

    test("as the folder of photos: none are shown, and all else works", async ({ expect }) => {
      const dir = await scratch();
      const mount = await mountDead(join(dir, "val"));
      cleanUps.push(() => mount.remove());
      const { child, url, ended, log } = await start(["--data", dir, "--drain-ms", "0"]);
      expect(await (await fetch(`${url}/samples/index.json`)).json()).toEqual({
        source: "none",
        photos: [],
        others: [],
      });
      expect(log()).toMatch(/sample photos in .*: expected the file system to answer within \d+ ms/);
      expect(await infer(url)).toBe(200);
      child.kill("SIGTERM");
      expect(await ended).toEqual({ code: null, signal: "SIGKILL" });
    });

    test("as the page's folder: 503, tails run on, and it ends", async ({ expect }) => {
      const dir = await scratch();
      const mount = await mountDead(join(dir, "web"));
      cleanUps.push(() => mount.remove());
      const { child, url, ended } = await start(["--web", join(dir, "web"), "--drain-ms", "0"]);
      const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await fetch(url)).status));
      expect(new Set(statuses)).toEqual(new Set([503]));
      expect(await infer(url)).toBe(200);
      child.kill("SIGTERM");
      expect(await ended).toEqual({ code: null, signal: "SIGKILL" });
    });
  },
);

describe.skipIf(process.platform !== "linux")("whatever hangs", { concurrent: true }, () => {
  const HANGS = {
    "all of Node's own threads hang in a system call": `
      import { readFile } from "node:fs";
      import { isMainThread } from "node:worker_threads";
      if (isMainThread) process.on("SIGUSR2", () => { for (let n = 0; n < 8; n++) readFile(FIFO, () => {}); });`,
    "a worker hangs in a system call": `
      import { readFileSync } from "node:fs";
      import { isMainThread, parentPort } from "node:worker_threads";
      if (!isMainThread) parentPort.on("message", ({ kind }) => kind === "run" && readFileSync(FIFO));`,
    "the event loop hangs after SIGTERM, and a worker that is a process": `
      if (process.send) process.on("disconnect", () => { for (;;); });
      else process.on("SIGTERM", () => setTimeout(() => { for (;;); }, 200));`,
  } as const;

  const processes = () => readdirSync("/proc").map(Number);

  test.for(Object.entries(HANGS))("SIGTERM ends it, though %s", async ([title, source], { expect }) => {
    const dir = await scratch();
    makeFifo(join(dir, "fifo"));
    const preload = join(dir, "preload.mjs");
    const harmless = `process.on("SIGUSR2", () => {});`;
    await writeFile(preload, source.replaceAll("FIFO", JSON.stringify(join(dir, "fifo"))) + harmless);
    const isolation = title.includes("is a process") ? "process" : "thread";
    const args = ["--drain-ms", "500", "--request-timeout-ms", "3000", "--isolation", isolation];
    const { child, url, ended } = await start(args, preload);
    const workers = childrenOf(child.pid!);
    child.kill("SIGUSR2");
    const answer = infer(url).catch(() => "cut");
    await expect.poll(async () => (await fetch(`${url}/v2/health/live`)).status, PATIENCE).toBe(200);
    child.kill("SIGTERM");
    expect((await ended).signal).toBe("SIGKILL");
    await answer;
    await expect.poll(() => processes().filter((pid) => workers.includes(pid)), PATIENCE).toEqual([]);
  });

  test("what kills a process that hangs does not stay behind when none does", async ({ expect }) => {
    const { child, ended } = await start(["--drain-ms", "1000"]);
    child.kill("SIGTERM");
    await expect.poll(() => childrenOf(child.pid!).length, PATIENCE).toBe(1);
    const [killer] = childrenOf(child.pid!);
    expect(await ended).toEqual({ code: 0, signal: null });
    await expect.poll(processes, PATIENCE).not.toContain(killer);
  });
});
