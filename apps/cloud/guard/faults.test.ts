import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, openSync } from "node:fs";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { afterEach, expect, test } from "vitest";
import { buildServer } from "../server.ts";
import { BUILT_SERVICE, INFER } from "../testing/child-fixture.ts";
import { TINY_SERVICE, testConfig } from "../testing/fixture.ts";

const FULL = "/dev/full";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

test.skipIf(!existsSync(FULL))(
  "a log that cannot be written, on a full disk, stops nothing (needs /dev/full)",
  async () => {
    const args = ["--port", "0", ...TINY_SERVICE, "--log-level", "debug"];
    const child = spawn(process.execPath, [BUILT_SERVICE, ...args], {
      stdio: ["ignore", "pipe", openSync(FULL, "w")],
    });
    cleanUps.push(() => child.kill("SIGKILL"));
    const [line] = await Promise.race([
      once(createInterface(child.stdout!), "line"),
      once(child, "exit").then(([code]) => [`ended with ${code}`]),
    ]);
    expect(line).toMatch(/^listening on /);
    const url = String(line).slice("listening on ".length);
    for (let times = 0; times < 20; times++) {
      expect((await fetch(`${url}${INFER.path}`, INFER)).status).toBe(200);
      expect((await fetch(`${url}/v2/nothing`)).status).toBe(404);
    }
    const ended = once(child, "exit");
    child.kill("SIGINT");
    expect(await ended).toEqual([0, null]);
  },
);

test("who does not end its headers is sent away, and others are served meanwhile", async () => {
  const server = await buildServer(testConfig());
  cleanUps.push(() => server.close(0));
  server.app.server.headersTimeout = 300;
  const address = await server.app.listen({ host: "127.0.0.1", port: 0 });
  const slow = Array.from({ length: 20 }, () => {
    const socket = connect(Number(new URL(address).port), "127.0.0.1");
    socket.write("POST /v2/models/tiny/infer HTTP/1.1\r\nhost: eddi\r\n");
    const trickle = setInterval(() => socket.write("x: y\r\n"), 100);
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.on("error", () => {});
    return once(socket, "close").then(() => {
      clearInterval(trickle);
      return answer;
    });
  });
  await server.ready;
  expect((await fetch(`${address}${INFER.path}`, INFER)).status).toBe(200);
  for (const answer of await Promise.all(slow)) {
    expect(answer).toMatch(
      /^HTTP\/1\.1 408 [\s\S]*\{"error":"expected the whole request, it did not come in time"\}$/,
    );
  }
});
