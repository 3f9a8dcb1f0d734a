import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { get } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { ROOT } from "../apps/lab/rig/service.ts";

test("npm start says where it is, over a certificate of its own too, and stops cleanly", async () => {
  const start = run([]);
  await expect.poll(() => start.output(), { timeout: 60_000 }).toContain("Ctrl-C stops");
  const [, local] = /on this machine\s+(http:\/\/localhost:\d+)/.exec(start.output())!;
  const page = await fetch(local!);
  expect(page.status).toBe(200);
  expect(await page.text()).toContain("<title>EDDI</title>");

  const tlsPort = /https:\/\/[\d.]+:(\d+)/.exec(start.output())![1];
  const ca = readFileSync(join(ROOT, ".cert/cert.pem"));
  expect(await statusOf(`https://localhost:${tlsPort}/v2/health/ready`, ca)).toBe(200);
  const onLan = /on your phone\s+(https:\S+)/.exec(start.output())?.[1];
  if (onLan !== undefined) {
    expect(await statusOf(onLan, ca)).toBe(200);
    expect(start.output(), "a QR code").toMatch(/[▀▄█ ]{20}/);
  }

  start.child.kill("SIGINT");
  expect(await start.ended).toBe(0);
  await expect(fetch(local!)).rejects.toThrow();
});

test("npm start takes the next port when its own is taken, and says so when it was told which", async () => {
  const taken = createServer();
  const isOurs = await new Promise<boolean>((resolve) => {
    taken.once("error", () => resolve(false)).listen(8080, "127.0.0.1", () => resolve(true));
  });
  const start = run(["--no-https"]);
  await expect.poll(() => start.output(), { timeout: 60_000 }).toContain("Ctrl-C stops");
  expect(start.output()).toMatch(/http:\/\/localhost:80(8[1-9]|9\d)/);
  start.child.kill("SIGTERM");
  expect(await start.ended).toBe(0);
  if (isOurs) taken.close();

  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const refused = run(["--no-https", "--port", `${port}`]);
  expect(await refused.ended).toBe(1);
  expect(refused.output()).toContain(`port ${port} is taken: choose another with --port`);
  other.close();
});

interface Run {
  readonly child: ChildProcess;
  output(): string;
  readonly ended: Promise<number | null>;
}

function run(args: readonly string[]): Run {
  const child = spawn(process.execPath, ["scripts/start.mjs", ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  return { child, output: () => output, ended: once(child, "exit").then(([code]) => code as number | null) };
}

function statusOf(url: string, ca: Buffer): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { ca, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on("error", reject);
  });
}
