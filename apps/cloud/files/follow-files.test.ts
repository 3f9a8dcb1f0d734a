import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { generate } from "selfsigned";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newKey } from "../guard/keys.ts";
import { errorOf, inferCall, openStream } from "../stream/stream-fixture.ts";
import { killServices, startService } from "../testing/child-fixture.ts";
import { followFiles } from "./follow-files.ts";

const PATIENCE = { interval: 50 };

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "eddi-follow-"));
});
afterEach(async () => {
  killServices();
  await rm(dir, { recursive: true, force: true });
});

/** Nobody reads half of it. */
async function put(path: string, text: string): Promise<void> {
  await writeFile(`${path}.part`, text);
  await rename(`${path}.part`, path);
}

test("files that belong together are taken once both are written; what is no good is told once and changes nothing", async () => {
  const [a, b] = [join(dir, "a"), join(dir, "b")];
  const contents = ["1", "1"].map((text) => Buffer.from(text));
  await Promise.all([writeFile(a, "1"), writeFile(b, "1")]);
  let inUse = "1 1";
  const log: string[] = [];
  const stop = followFiles(
    {
      ...{ what: "pair", paths: [a, b], contents },
      take: (now) => {
        const [first, second] = now.map(String);
        if (first !== second) throw new Error(`expected two of a kind, got ${first} and ${second}`);
        inUse = `${first} ${second}`;
        return `now ${first}`;
      },
      log: { info: (message) => log.push(message), error: (message) => log.push(message) },
    },
    20,
  );
  await put(a, "2");
  await put(b, "2");
  await expect.poll(() => inUse, PATIENCE).toBe("2 2");
  expect(log.at(-1)).toBe("pair: now 2");
  log.length = 0;

  await put(a, "3");
  const stays = "pair: what was read before stays in use:";
  await expect.poll(() => log, PATIENCE).toEqual([`${stays} expected two of a kind, got 3 and 2`]);
  await rm(b);
  await expect.poll(() => log.at(-1), PATIENCE).toBe(`${stays} expected a readable file, got ENOENT`);
  await mkdir(b);
  await expect.poll(() => log.at(-1), PATIENCE).toBe(`${stays} expected a regular file, got a folder`);
  expect([inUse, log.length]).toEqual(["2 2", 3]);

  await rm(b, { recursive: true });
  await expect.poll(() => log.length, PATIENCE).toBe(4);

  // As Kubernetes puts a new secret in the place of one: by a link that is renamed.
  await writeFile(join(dir, "new"), "3");
  await symlink("new", join(dir, "link"));
  await rename(join(dir, "link"), b);
  await expect.poll(() => inUse, PATIENCE).toBe("3 3");
  expect(log.slice(4)).toEqual(["pair: now 3"]);
  stop();
});

test("keys come and go without a restart, those of open streams too; a broken file keeps them all", async () => {
  const [ada, bob] = [newKey("ada"), newKey("bob")];
  const file = join(dir, "keys");
  await writeFile(file, ada.line);
  const { url, child, ended } = await startService("--keys", file, "--drain-ms", "0");
  const status = async (key: string) => (await fetch(`${url}/v2`, { headers: { "x-api-key": key } })).status;
  expect([await status(ada.key), await status(bob.key)]).toEqual([200, 401]);
  const stream = await openStream(url, { headers: { "x-api-key": ada.key } });
  expect((await stream.ask(inferCall(1))).status).toBe(200);

  await writeFile(file, `${ada.line}\n${bob.line}\n`);
  await expect.poll(() => status(bob.key), PATIENCE).toBe(200);
  await writeFile(file, "nonsense");
  let log = "";
  child.stderr!.on("data", (chunk) => {
    log += chunk;
  });
  await expect
    .poll(() => log, PATIENCE)
    .toContain("keys: what was read before stays in use: line 1: expected");
  expect([await status(ada.key), await status(bob.key)]).toEqual([200, 200]);

  await writeFile(file, bob.line);
  await expect.poll(() => status(ada.key), PATIENCE).toBe(401);
  const refused = await stream.ask(inferCall(2));
  expect([refused.status, errorOf(refused)]).toEqual([401, expect.stringMatching(/^expected a key/)]);
  child.kill("SIGTERM");
  expect((await ended).code).toBe(0);
});

test("certificates change without a restart, and connections stay; one that is no good keeps the one before", async () => {
  const [cert, key] = [join(dir, "cert.pem"), join(dir, "key.pem")];
  const write = async (name: string, notAfterDate?: Date) => {
    const options = notAfterDate === undefined ? {} : { notAfterDate, notBeforeDate: new Date(0) };
    const pems = await generate([{ name: "commonName", value: name }], options);
    await writeFile(cert, pems.cert);
    await writeFile(key, pems.private);
  };
  await write("first");
  const args = ["--tls-cert", cert, "--tls-key", key, "--tls-port", "0", "--tls-host", "127.0.0.1", "--open"];
  const { secureUrl, child, ended } = await startService(...args, "--drain-ms", "0");
  const port = Number(new URL(secureUrl!).port);
  const open = async () => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
    await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    return socket;
  };
  const nameOf = async () => {
    const socket = await open();
    const { subject } = socket.getPeerCertificate();
    socket.destroy();
    return subject.CN;
  };
  expect(await nameOf()).toBe("first");
  const before = await open();
  await write("second");
  await expect.poll(nameOf, PATIENCE).toBe("second");
  before.write("GET /v2/health/live HTTP/1.1\r\nhost: eddi\r\n\r\n");
  const [answer] = await new Promise<Buffer[]>((resolve) => before.once("data", (chunk) => resolve([chunk])));
  expect(String(answer)).toMatch(/^HTTP\/1.1 200 /);
  before.destroy();

  let log = "";
  child.stderr!.on("data", (chunk) => {
    log += chunk;
  });
  const stays = "certificate: what was read before stays in use:";
  await writeFile(cert, "");
  await expect.poll(() => log, PATIENCE).toContain(`${stays} --tls-cert, --tls-key: expected PEM files`);
  await write("gone", new Date(Date.now() - 86_400_000));
  await expect.poll(() => log, PATIENCE).toContain(`${stays} expected one that is valid, it was until`);
  expect(await nameOf()).toBe("second");
  await write("third");
  await expect.poll(nameOf, PATIENCE).toBe("third");
  child.kill("SIGTERM");
  expect((await ended).code).toBe(0);
});
