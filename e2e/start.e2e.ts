import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { get } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { expect } from "@playwright/test";
import { ROOT } from "../apps/lab/rig/service.ts";
import { test } from "./harness/test.ts";

/** Ready at once: where it is said where the service is, its models do not matter. */
const NO_MODELS = ["--models", "e2e/no-models"];

test("npm start says where it is, over a certificate of its own too, and stops cleanly", async () => {
  const start = runStart([]);
  await expect.poll(() => start.output()).toContain("Ctrl-C stops");
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

test("on a terminal npm start speaks to a person, where it is piped to a program", async () => {
  const hasScript = spawnSync("script", ["--version"]).status === 0;
  test.skip(!hasScript, "no `script` (util-linux), which gives a program a terminal");
  const args = ["--no-https", ...NO_MODELS];
  // In place of the shell, which may end by the signal itself whatever its child ends with (dash does).
  const command = `exec ${process.execPath} scripts/start.mjs ${args.join(" ")}`;
  const person = run(["script", "-qefc", command, "/dev/null"]);
  await expect.poll(() => person.output()).toContain("Ctrl-C stops");
  // What has gone wrong is told, in words.
  expect(person.output()).toMatch(/^warning: .*no-models/m);
  expect(person.output()).toMatch(/on this machine\s+http:/);
  expect(person.output()).not.toMatch(/\{"level"|settings|listening on/);
  // As Ctrl-C does: through the terminal.
  person.child.stdin!.write("\x03");
  expect(await person.ended).toBe(0);

  const program = runStart(args);
  await expect.poll(() => program.output()).toContain("Ctrl-C stops");
  expect(program.output()).toMatch(/^\{"level":30,.*"settings":/m);
  expect(program.output()).toMatch(/^listening on http:/m);
  program.child.kill("SIGINT");
  expect(await program.ended).toBe(0);
});

test("npm start takes the next port when its own is taken, and says so when it was told which", async () => {
  const taken = createServer();
  const isOurs = await new Promise<boolean>((resolve) => {
    taken.once("error", () => resolve(false)).listen(8080, "127.0.0.1", () => resolve(true));
  });
  const start = runStart(["--no-https", ...NO_MODELS]);
  await expect.poll(() => start.output()).toContain("Ctrl-C stops");
  expect(start.output()).toMatch(/http:\/\/localhost:80(8[1-9]|9\d)/);
  start.child.kill("SIGTERM");
  expect(await start.ended).toBe(0);
  if (isOurs) taken.close();

  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const refused = runStart(["--no-https", "--port", `${port}`, ...NO_MODELS]);
  expect(await refused.ended).toBe(1);
  expect(refused.output()).toContain(`port ${port} is taken: choose another with --port`);
  other.close();
});

interface Run {
  readonly child: ChildProcess;
  output(): string;
  readonly ended: Promise<number | null>;
}

function runStart(args: readonly string[]): Run {
  return run([process.execPath, "scripts/start.mjs", ...args]);
}

function run([command = "", ...args]: readonly string[]): Run {
  const child = spawn(command, args, { cwd: ROOT, stdio: "pipe" });
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
