import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { builtinModules, createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { INFER } from "./testing/child-fixture.ts";
import { childrenOf } from "./testing/children-of.ts";
import { MODELS_DIR } from "./testing/fixture.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PACKAGES = createRequire(import.meta.url)
  .resolve("fastify/package.json")
  .split("fastify")[0]!;

type Lock = {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
};

/** What a container holds: the built service, package.json, and the packages that `npm ci --omit=dev` installs. */
let app: string;
beforeAll(async () => {
  app = await mkdtemp(join(tmpdir(), "eddi-built-"));
  const vite = join(PACKAGES, "vite", "bin", "vite.js");
  const args = ["build", "--config", "vite.cloud.config.ts", "--outDir", join(app, "dist", "cloud")];
  execFileSync(process.execPath, [vite, ...args, "--logLevel", "warn"], { cwd: ROOT });
  await cp(join(ROOT, "package.json"), join(app, "package.json"));
  const lock = JSON.parse(await readFile(join(ROOT, "package-lock.json"), "utf8")) as Lock;
  for (const [path, { dev, optional }] of Object.entries(lock.packages)) {
    if (dev === true || optional === true || !/^node_modules\/(@[^/]+\/)?[^/]+$/.test(path)) continue;
    await mkdir(dirname(join(app, path)), { recursive: true });
    await symlink(join(PACKAGES, path.slice("node_modules/".length)), join(app, path), "junction");
  }
});
afterAll(() => rm(app, { recursive: true, force: true }));

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
});

test("nothing that compiles or builds is among what it runs with, and it imports nothing else", async () => {
  const packages = await readdir(join(app, "node_modules"));
  expect(packages).toContain("fastify");
  for (const tool of ["tsx", "esbuild", "typescript", "vite", "rolldown", "vitest", "playwright"]) {
    expect(packages).not.toContain(tool);
  }
  const { dependencies } = JSON.parse(await readFile(join(app, "package.json"), "utf8"));
  const files = (await readdir(join(app, "dist", "cloud"))).filter((name) => name.endsWith(".js"));
  expect(files).toEqual(expect.arrayContaining(["frame-thread.js", "main.js", "tail-worker.js"]));
  for (const file of files) {
    const text = await readFile(join(app, "dist", "cloud", file), "utf8");
    const imports = [...text.matchAll(/^import (?:[^"]* from )?"([^".][^"]*)"|\bimport\("([^".][^"]*)"\)/gm)];
    for (const [, fixed, later] of imports) {
      const [scope = "", name] = (fixed ?? later)!.split("/");
      const known = scope.startsWith("@") ? `${scope}/${name}` : scope;
      const isKnown = known.startsWith("node:") || builtinModules.includes(known) || known in dependencies;
      expect(isKnown, `${file} imports ${known}`).toBe(true);
    }
  }
});

test.each(["thread", "process"])(
  "plain Node runs it, each worker a %s, and it answers",
  async (isolation) => {
    const main = join("dist", "cloud", "main.js");
    const options = ["--engine", "wasm", "--workers", "1", "--models", MODELS_DIR, "--isolation", isolation];
    const env = { ...process.env, NODE_OPTIONS: "", EDDI_DRAIN_MS: "0" };
    const child = spawn(process.execPath, [main, "--port", "0", ...options], { cwd: app, env });
    running.add(child);
    let log = "";
    child.stderr.on("data", (chunk) => {
      log += chunk;
    });
    const ended = once(child, "exit");
    const [line] = await Promise.race([
      once(createInterface(child.stdout), "line"),
      ended.then(() => Promise.reject(new Error(`ended: ${log}`))),
    ]);
    const url = String(line).split(" ")[2]!;
    const answer = await fetch(`${url}${INFER.path}`, INFER);
    expect(answer.status).toBe(200);
    if (process.platform === "linux" && isolation === "process") {
      const programs = await Promise.all(
        childrenOf(child.pid!).map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8")),
      );
      expect(programs.filter((program) => program.includes("tail-worker.js"))).toHaveLength(1);
    }
    // Who starts it kills what starts slowly: how long it took is told.
    await expect.poll(() => log).toMatch(/"startMs":\d+,"msg":"ready \d+ ms after the start"/);
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  },
);
