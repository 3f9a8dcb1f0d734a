import { execFileSync } from "node:child_process";
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Page } from "@playwright/test";
import sharp from "sharp";
import { build, createServer, preview } from "vite";
import { allCloud, allEdge } from "#shared/model";
import { plainTails } from "#shared/profile";
import { type Browser, openBrowser } from "../apps/lab/rig/phone.ts";
import { ROOT } from "../apps/lab/rig/service.ts";
import type { Answer, Client, ClientOptions } from "../apps/web/client/index.ts";
import { expectClose, type PlainAnswer } from "./harness/app.ts";
import { loadModel, noise, TINY } from "./harness/models.ts";
import { newKey } from "./harness/new-key.ts";
import { openPlainServer } from "./harness/plain-server.ts";
import { type Service, startService } from "./harness/service.ts";
import { test } from "./harness/test.ts";

type FourAnswers = readonly [PlainAnswer, PlainAnswer, PlainAnswer, PlainAnswer];

type Package = typeof import("../apps/web/client/index.ts");

/** An app's page is isolated where it wants more than this one service: then so is what it starts. */
const HEADERS = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

const model = loadModel(TINY);

/** A Vite project outside of this repository: the example, and a page that has the package for scripts to use. */
let project: string;
let browser: Browser;
let key: string;
let service: Service;
let port: number;
test.beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "eddi-app-"));
  await cp(join(ROOT, "apps/example"), project, { recursive: true });
  await writeFile(join(project, "scripts.html"), '<script type="module" src="./scripts.js"></script>');
  await writeFile(
    join(project, "scripts.js"),
    'import * as client from "eddi-client"; globalThis.eddiClient = client;',
  );
  run(
    process.execPath,
    ["node_modules/vite/bin/vite.js", "build", "--config", "vite.client.config.ts"],
    ROOT,
  );
  run("npm", ["pack", "--pack-destination", project], join(ROOT, "dist/client"));
  const [tarball] = (await readdir(project)).filter((name) => name.endsWith(".tgz"));
  run("npm", ["install", "--prefer-offline", "--ignore-scripts", "--omit=dev", `./${tarball}`], project);
  const made = newKey("app");
  key = made.key;
  await writeFile(join(project, "keys"), made.line);
  port = await freePort();
  const origin = `http://localhost:${port}`;
  service = await startService(["--cors-origins", origin, "--keys", join(project, "keys")]);
  browser = await openBrowser({ chromePath: process.env.CHROME_PATH ?? null });
});
test.afterAll(async () => {
  await browser.close();
  await service.stop();
  await rm(project, { recursive: true, force: true });
});

test("what is installed needs no other package, and its types are whole", async () => {
  expect(await readdir(join(project, "node_modules"))).toEqual([".package-lock.json", "eddi-client"]);
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  run(process.execPath, [tsc, "--project", project], project);
  await writeFile(
    join(project, "main.ts"),
    'import { createClient } from "eddi-client"; createClient({ model: 5 });',
  );
  expect(() => run(process.execPath, [tsc, "--project", project], project)).toThrow(/baseUrl|number/);
  await cp(join(ROOT, "apps/example/main.ts"), join(project, "main.ts"));
});

test("built, the example answers a photo by a service of another origin that asks for a key", async () => {
  await withBuilt(async (url) => {
    const { page } = browser;
    const asked = new Set<string>();
    page.on("request", (request) => asked.add(new URL(request.url()).origin));
    await page.goto(`${url}/?${new URLSearchParams({ service: service.url, model: TINY })}`);
    const output = page.locator("output");
    await expect(output).toContainText("the service asks for a key");
    await page.goto("about:blank");
    await page.goto(`${url}/?${new URLSearchParams({ service: service.url, model: TINY })}#key=${key}`);
    await expect(output).toContainText("Choose a photo");
    const photo = sharp({ create: { width: 300, height: 200, channels: 3, background: "teal" } }).jpeg();
    const buffer = await photo.toBuffer();
    await page.locator("input").setInputFiles({ name: "photo.jpg", mimeType: "image/jpeg", buffer });
    await expect(output).toHaveText(/^.+ \(\d+ %\), \d+ nodes here, \d+ in the cloud, \d+ ms$/);
    await page
      .locator("input")
      .setInputFiles({ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("?") });
    await expect(output).toContainText("expected a PNG, JPEG,");
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    expect([...asked].filter((origin) => origin.startsWith("http")).sort()).toEqual(
      [url, service.url].sort(),
    );
  });
});

test("built, two clients of one page answer on both sides, and end by themselves", async () => {
  await withBuilt(async (url) => {
    await browser.page.goto(`${url}/scripts.html`);
    await browser.page.waitForFunction(() => "eddiClient" in globalThis);
    await useTwo(browser.page);
  });
});

test("so they do as Vite serves them while somebody works on the app", async () => {
  const server = await createServer({ root: project, server: { port, strictPort: true, headers: HEADERS } });
  await server.listen();
  try {
    await browser.page.goto(`http://localhost:${port}/scripts.html`);
    await browser.page.waitForFunction(() => "eddiClient" in globalThis);
    await useTwo(browser.page);
  } finally {
    await server.close();
  }
});

/** The package as it was installed, as static files. */
const serveInstalled = () =>
  preview({
    root: project,
    build: { outDir: "node_modules/eddi-client" },
    preview: { host: "127.0.0.1", port, strictPort: true, headers: HEADERS },
  });

for (const host of ["localhost", "127.0.0.1"]) {
  test(`and so they do without a bundler, with the package on ${host} and the page on localhost`, async () => {
    const served = await serveInstalled();
    try {
      const { page } = browser;
      await page.goto(`http://localhost:${port}/package.json`);
      const folder = `http://${host}:${port}`;
      await page.evaluate(async (script) => {
        Object.assign(globalThis, { eddiClient: await import(script) });
      }, `${folder}/client.js`);
      await useTwo(page, host === "localhost" ? null : folder);
    } finally {
      await served.close();
    }
  });
}

test("a plain Open Inference server runs the tails, and the model comes from static files", async () => {
  const folder = join(project, "node_modules/eddi-client");
  await cp(join(ROOT, "models", TINY), join(folder, "models", TINY), { recursive: true });
  // It lacks an exit, as a server may whose disk is small.
  const tails = plainTails(model).filter(({ exit }) => exit !== "exit2");
  const plain = await openPlainServer({ port: service.port, key, tails, extensions: ["binary_tensor_data"] });
  const served = await serveInstalled();
  try {
    const { page } = browser;
    const origin = `http://localhost:${port}`;
    await page.goto(`${origin}/package.json`);
    await page.evaluate(async (script) => {
      Object.assign(globalThis, { eddiClient: await import(script) });
    }, `${origin}/client.js`);
    const last = model.metadata.exits.at(-1)!.id;
    const plans = [allEdge(model, last), allCloud(model, last), allCloud(model, "exit2")];
    const seen = await page.evaluate(
      async ([baseUrl, url, { count, range }, asked]) => {
        const { createClient } = (globalThis as unknown as { eddiClient: Package }).eddiClient;
        const values = Float32Array.from({ length: count }, (_, pixel) => {
          return range[0] + (range[1] - range[0]) * ((pixel * 0.618) % 1);
        });
        const client = createClient({
          ...{ baseUrl, model: "tiny", backend: "wasm", profile: "off", slowdown: 500, budgetMs: 10_000 },
          cloud: { url, kind: "oip" },
        });
        Object.assign(globalThis, { plainClient: client, plainValues: values });
        const problems: string[] = [];
        client.on("problem", ({ message }) => problems.push(message));
        await client.settle();
        const answers: Answer[] = [];
        for (const plan of asked)
          answers.push(await client.answer(values, { plan, codec: "float32", budgetMs: 60_000 }));
        answers.push(await client.answer(values));
        const { cloud } = client.state().summary!;
        return { problems, cloud, answers: answers.map((one) => ({ ...one, scores: [...one.scores] })) };
      },
      [origin, plain.url, noise(model, 1), plans] as const,
    );
    const [edge, cloud, lacking, planned] = seen.answers as unknown as FourAnswers;
    expect(seen).toMatchObject({ problems: [], cloud: "up" });
    expect(cloud).toMatchObject({ source: "cloud", exit: last, transport: "fetch", here: [] });
    expectClose(cloud.scores, edge.scores, 1e-4);
    expect(lacking).toMatchObject({ source: "fallback", requestBytes: 0 });
    expect(lacking.reason).toMatch(
      /^expected one of the \d+ tails of tiny that the cloud has, got tiny~exit2~/,
    );
    // On a phone so slow the tail is the server's.
    expect(planned).toMatchObject({ source: "cloud", transport: "fetch" });
    expect(planned.cut).toHaveLength(1);
    expect(planned.exit).not.toBe("exit2");
    expect(plain.strays).toEqual([]);

    await plain.close();
    const late = await page.evaluate(async () => {
      const { plainClient, plainValues } = globalThis as unknown as {
        plainClient: Client;
        plainValues: Float32Array;
      };
      const { source, reason } = await plainClient.answer(plainValues);
      plainClient.close();
      return { source, reason };
    });
    expect(late.source).toMatch(/^(edge|fallback)$/);
  } finally {
    await served.close();
    await plain.close();
  }
});

/**
 * Two clients of one page: each with a key, a budget and workers of its own.
 *
 * @param folder of the workers; null where they are of the page's own origin
 */
async function useTwo(page: Page, folder: string | null = null): Promise<void> {
  const last = model.metadata.exits.at(-1)!.id;
  const seen = await page.evaluate(
    async ([service, { count, range }, plans, at]) => {
      const { createClient, listModels } = (globalThis as unknown as { eddiClient: Package }).eddiClient;
      const codeOf = (promise: Promise<unknown>): Promise<string> =>
        promise.then(
          () => "answered",
          (thrown: { readonly code: string }) => thrown.code,
        );
      const values = Float32Array.from({ length: count }, (_, pixel) => {
        return range[0] + (range[1] - range[0]) * ((pixel * 0.618) % 1);
      });
      const startWorker: ClientOptions["startWorker"] = (kind) => {
        const script = new Blob([`import "${at}/${kind}-worker.js";`], { type: "text/javascript" });
        return new Worker(URL.createObjectURL(script), { type: "module" });
      };
      const usual: ClientOptions = { ...service, model: "tiny", backend: "wasm", profile: "off" };
      const where = at === null ? {} : { startWorker };
      const open = (options: Partial<ClientOptions>): Client =>
        createClient({ ...usual, ...where, ...options });
      const [one, other] = [open({ budgetMs: 10_000 }), open({ budgetMs: 500, transport: "fetch" })];
      const keyless = open({ key: null });
      const problems: string[] = [];
      for (const client of [one, other]) client.on("problem", ({ message }) => problems.push(message));
      const conditions = new Promise<string>((told) => {
        one.on("conditions", ({ cloud }) => {
          if (cloud === "up") told(cloud);
        });
      });
      const unauthorized = await codeOf(keyless.ready);
      keyless.close();
      const models = await listModels(service);
      await Promise.all([one.settle(), other.settle()]);
      const answers: Answer[] = [];
      for (const client of [one, other]) {
        for (const plan of plans)
          answers.push(await client.answer(values, { plan, codec: "float32", budgetMs: 60_000 }));
      }
      // Their answers are under way when one of them ends.
      const late = [one, other].map((client) => codeOf(client.answer(values, { budgetMs: 60_000 })));
      one.close();
      const codes = await Promise.all([...late, codeOf(one.answer(values)), codeOf(one.settle())]);
      const budgets = [one, other].map((client) => client.state().budgetMs);
      const after = await codeOf(other.answer(values));
      other.close();
      return {
        problems,
        unauthorized,
        models,
        cloud: await conditions,
        sources: answers.map(({ source }) => source),
        transports: answers.map(({ transport }) => transport),
        scores: answers.map(({ scores }) => [...scores]),
        codes,
        budgets,
        after,
      };
    },
    [
      { baseUrl: service.url, key },
      noise(model, 1),
      [allEdge(model, last), allCloud(model, last)],
      folder,
    ] as const,
  );
  expect(seen).toMatchObject({
    problems: [],
    unauthorized: "unauthorized",
    cloud: "up",
    sources: ["edge", "cloud", "edge", "cloud"],
    codes: ["cancelled", "answered", "cancelled", "cancelled"],
    budgets: [10_000, 500],
    after: "answered",
  });
  expect(seen.models).toContain(TINY);
  expect(seen.transports[3]).toBe("fetch");
  const [first, ...others] = seen.scores;
  for (const scores of others) expectClose(scores, first!, 1e-4);
  await expect.poll(() => page.workers().length).toBe(0);
}

async function withBuilt(use: (url: string) => Promise<void>): Promise<void> {
  const input = ["index.html", "scripts.html"].map((name) => join(project, name));
  await build({ root: project, logLevel: "warn", build: { rolldownOptions: { input } } });
  const served = await preview({ root: project, preview: { port, strictPort: true, headers: HEADERS } });
  try {
    await use(`http://localhost:${port}`);
  } finally {
    await browser.page.goto("about:blank");
    await served.close();
  }
}

/** @throws Error with what the program has said */
function run(program: string, args: readonly string[], cwd: string): void {
  try {
    execFileSync(program, args, { cwd, encoding: "utf8", stdio: "pipe" });
  } catch (thrown) {
    const { stdout, stderr } = thrown as { readonly stdout: string; readonly stderr: string };
    throw new Error(`${program} ${args.join(" ")}: ${stdout}${stderr}`, { cause: thrown });
  }
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await new Promise((listens) => server.once("listening", listens));
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("expected a port");
  return address.port;
}
