import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as secureRequest } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { generate } from "selfsigned";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ENGINES, engineOf } from "../engines/index.ts";
import { BUILT_SERVICE } from "./testing/child-fixture.ts";
import { ALL_MODELS_DIR, TINY_SERVICE } from "./testing/fixture.ts";

const QUIET = [...TINY_SERVICE, "--log-level", "warn", "--drain-ms", "0"];

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "eddi-tls-"));
  const pems = await generate([{ name: "commonName", value: "localhost" }]);
  await writeFile(join(dir, "cert.pem"), pems.cert);
  await writeFile(join(dir, "key.pem"), pems.private);
  await writeFile(join(dir, "bad.pem"), "no certificate");
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const tls = (cert: string) => {
  return ["--open", "--tls-port", "0", "--tls-cert", join(dir, cert), "--tls-key", join(dir, "key.pem")];
};

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
});

function start(...args: string[]) {
  const child = spawn(process.execPath, [BUILT_SERVICE, ...args]);
  running.add(child);
  let err = "";
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  const out: string[] = [];
  const lines = createInterface(child.stdout).on("line", (line) => out.push(line));
  const ended = once(child, "close").then(([code]) => {
    running.delete(child);
    return { code: code as number, out, err };
  });
  const firstLine = Promise.race([
    once(lines, "line").then(([line]) => String(line)),
    ended.then((end) => Promise.reject(new Error(`ended: ${JSON.stringify(end)}`))),
  ]);
  firstLine.catch(() => {});
  return { child, ended, firstLine };
}

describe("the program", () => {
  test("says where it listens on HTTP and HTTPS, and ends with 0 when told to", async () => {
    const { child, ended, firstLine } = start("--port", "0", ...tls("cert.pem"), ...QUIET);
    const line = await firstLine;
    expect(line).toMatch(/^listening on http:\/\/127\.0\.0\.1:\d+ https:\/\/0\.0\.0\.0:\d+$/);
    const [url, secureUrl] = line
      .split(" ")
      .slice(2)
      .map((part) => new URL(part));
    expect(await (await fetch(new URL("/v2/health/ready", url))).json()).toEqual({ ready: true });
    expect(await getSecurely(secureUrl!.port, "/v2/health/ready")).toBe('{"ready":true}');
    expect(await sendRaw(Number(url!.port), "nonsense\r\n\r\n")).toMatch(
      /^HTTP\/1.1 400 Bad Request\r\n[\s\S]*\{"error":"expected an HTTP\/1.1 request"\}$/,
    );

    const taken = await start("--port", url!.port, ...QUIET).ended;
    expect(taken).toMatchObject({ code: 2, out: [] });
    expect(taken.err).toMatch(/^port \d+: expected a free port, it is taken\n$/);

    child.kill("SIGTERM");
    expect(await ended).toEqual({ code: 0, out: [line], err: "" });
  });

  test("ends at once when told to while it starts", async () => {
    // All models: no machine has them warm by then.
    const { child, ended } = start("--port", "0", ...QUIET, "--models", ALL_MODELS_DIR);
    await new Promise((resolve) => setTimeout(resolve, 700));
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ out: [], err: "" });
  });

  test("refuses bad options with 1, and explains them on request", async () => {
    const [bad, help, badPem, noPem] = await Promise.all([
      start("--port", "x").ended,
      start("--help").ended,
      start("--port", "0", ...tls("bad.pem"), ...QUIET).ended,
      start("--port", "0", ...tls("none.pem"), ...QUIET).ended,
    ]);
    expect(bad).toMatchObject({ code: 1, err: "--port: expected 0 to 65535, got x\n" });
    expect(help.code).toBe(0);
    expect(help.out.join("\n")).toContain("--models");
    expect(badPem).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^--tls-cert, --tls-key: expected PEM/),
    });
    expect(noPem).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^--tls-cert: expected a readable file/),
    });
  });

  test("makes a key, asks for it where others reach it, and logs its options without secrets", async () => {
    const made = await start("--new-key", "phone").ended;
    const [, key = "", line = ""] = /: (eddi_\S+)\n.*: (phone:[0-9a-f]{64})$/.exec(made.out.join("\n")) ?? [];
    await writeFile(join(dir, "keys"), line);
    const anywhere = ["--port", "0", "--host", "0.0.0.0", ...QUIET];
    expect(await start(...anywhere).ended).toMatchObject({
      code: 1,
      err: "expected --keys FILE, or --open to let anyone in, to listen on 0.0.0.0; got neither\n",
    });
    const { child, ended, firstLine } = start(...anywhere, "--keys", join(dir, "keys"), "--log-level=info");
    const url = (await firstLine).replace("listening on ", "").replace("0.0.0.0", "127.0.0.1");
    const status = async (headers: Record<string, string>) => (await fetch(`${url}/v2`, { headers })).status;
    expect([await status({}), await status({ "x-api-key": key })]).toEqual([401, 200]);
    child.kill("SIGINT");
    const { err } = await ended;
    expect(err).toContain('"host":{"value":"0.0.0.0","from":"flag"}');
    expect(err).toContain('"keys":{"value":"(set)","from":"flag"}');
    for (const secret of [key, line, line.slice(6), dir]) expect(err).not.toContain(secret);
  });

  test.each(ENGINES.map((name) => [name, engineOf(name).backend]))(
    "engine %s is used where it is installed, else refused",
    async (engine, backend) => {
      const { child, ended, firstLine } = start("--port", "0", ...QUIET, "--engine", engine);
      const line = await firstLine.catch(() => null);
      if (line !== null) {
        const url = line.slice("listening on ".length);
        const described = await (await fetch(`${url}/v2/models/tiny`)).json();
        expect(described).toMatchObject({ parameters: { engine, backend } });
        child.kill("SIGTERM");
        expect((await ended).code).toBe(0);
      } else {
        expect(await ended).toMatchObject({
          code: 1,
          err: expect.stringMatching(`engine ${engine}: expected it to load, got: \\S`),
        });
      }
    },
  );
});

async function sendRaw(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(text);
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  return answer;
}

function getSecurely(port: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = secureRequest(
      { host: "127.0.0.1", port, path, rejectUnauthorized: false },
      async (answer) => {
        let body = "";
        for await (const chunk of answer) body += chunk;
        resolve(body);
      },
    );
    sent.on("error", reject).end();
  });
}
