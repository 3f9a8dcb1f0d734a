import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { utimesSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@playwright/test";
import { ROOT } from "../apps/lab/rig/service.ts";
import { openApp } from "./harness/app.ts";
import { loadModel, noise, TINY } from "./harness/models.ts";
import { test } from "./harness/test.ts";

let child: ChildProcess;
let output = "";
test.beforeAll(async () => {
  child = spawn(process.execPath, ["scripts/dev.mjs", "--engine", "wasm", "--workers", "1"], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  await expect.poll(() => output).toContain("Ctrl-C stops.");
});
test.afterAll(async () => {
  child.kill("SIGINT");
  const [code] = await once(child, "exit");
  expect(code).toBe(0);
});

test("npm run dev: one address for page and service, and both follow their sources", async () => {
  const url = /page and service: (\S+)/.exec(output)![1]!;
  const app = await openApp({ url, parameters: { model: TINY, backend: "wasm", profile: "off" } });
  try {
    const answer = await app.answerNoise(noise(loadModel(TINY), 1), {
      plan: { exit: "exit3", head: ["image"] },
    });
    expect(answer.source).toBe("cloud");

    touch("apps/web/page/style/tokens.css");
    await expect.poll(() => output).toMatch(/hmr update .*(index|tokens)\.css/);
    const reloaded = app.page.waitForEvent("load");
    touch("apps/web/edge/engine/engine.ts");
    await reloaded;

    touch("apps/cloud/worker/tail-worker.ts");
    await expect.poll(() => output).toMatch(/the service is new/);
    expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
  } finally {
    await app.close();
  }
});

/** As an editor does that saves a file. */
function touch(path: string): void {
  const now = new Date();
  utimesSync(join(ROOT, path), now, now);
}
