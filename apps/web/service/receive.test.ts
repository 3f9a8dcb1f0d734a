import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { joined, receive } from "./receive.ts";
import { Traffic } from "./traffic.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A service that answers so. */
async function serve(
  answer: (reply: ServerResponse) => void,
): Promise<(url: string, init: RequestInit) => Promise<Response>> {
  const server = createServer((_, reply) => answer(reply)).listen(0, "127.0.0.1");
  servers.push(server);
  await new Promise((listens) => server.once("listening", listens));
  const { port } = server.address() as AddressInfo;
  return (url, init) => fetch(`http://127.0.0.1:${port}${url}`, init);
}

test("a download may take as long as it likes while bytes arrive", async () => {
  const silenceMs = 1500;
  const fetch = await serve((reply) => {
    let sent = 0;
    const timer = setInterval(() => {
      reply.write(`${sent++} `);
      if (sent < 30) return;
      clearInterval(timer);
      reply.end();
    }, silenceMs / 15);
  });
  const traffic = new Traffic();
  const { chunks, bytes } = await receive("/long", { traffic, fetch, silenceMs });
  expect(new TextDecoder().decode(joined(chunks))).toMatch(/^0 1 2 .* 28 29 $/);
  expect(bytes).toBe(20 + 60);
  expect(traffic.wasOnSince(performance.now() + 1)).toBe(false);
});

test.each([
  ["before it has begun", () => {}],
  ["half way", (reply: ServerResponse) => void reply.write("half")],
])("one that falls silent %s is given up, in words of ours", async (_, answer) => {
  const fetch = await serve(answer);
  await expect(receive("/silent", { traffic: new Traffic(), fetch, silenceMs: 100 })).rejects.toMatchObject({
    code: "timeout",
    message: expect.stringMatching(/^nothing has arrived for \d+ s$/),
  });
});

test("bytes of another download are a sign of life: it waits its turn", async () => {
  const silenceMs = 1500;
  const traffic = new Traffic();
  const fetch = await serve((reply) => void setTimeout(() => reply.end("late"), 2.5 * silenceMs));
  const other = setInterval(() => traffic.arrived(), silenceMs / 20);
  try {
    const { chunks } = await receive("/behind", { traffic, fetch, silenceMs });
    expect(new TextDecoder().decode(joined(chunks))).toBe("late");
  } finally {
    clearInterval(other);
  }
});

test("the caller's own abort keeps its reason, and what is enough ends a download", async () => {
  const fetch = await serve((reply) => void reply.write("some"));
  const traffic = new Traffic();
  const reason = new Error("enough of it");
  const given = new AbortController();
  const asked = receive("/endless", { traffic, fetch, init: { signal: given.signal } });
  given.abort(reason);
  await expect(asked).rejects.toBe(reason);
  const { bytes } = await receive("/endless", { traffic, fetch, take: () => true });
  expect(bytes).toBe(4);
});

test("what is broken off is still on the wire, as long as what was sent of it takes", async () => {
  const fetch = await serve((reply) => {
    reply.writeHead(200, { "content-length": 100_000 });
    reply.write(new Uint8Array(1000));
    setTimeout(() => reply.write(new Uint8Array(1000)), 100);
  });
  const traffic = new Traffic();
  const take = (_: Uint8Array, { bytes }: { readonly bytes: number }): boolean => bytes === 2000;
  const { ms } = await receive("/slow", { traffic, fetch, take });
  const sinceMs = performance.now() + ms;
  // 98 times as much is missing.
  while (performance.now() < sinceMs + 1) await new Promise((done) => setTimeout(done, 5));
  expect(traffic.wasOnSince(sinceMs)).toBe(true);
});

test("a rate is measured by what was on the link, not by what it was unpacked to", async () => {
  const traffic = new Traffic();
  const packed = await serve((reply) => {
    reply.writeHead(200, { "content-encoding": "gzip" });
    reply.end(gzipSync(new Uint8Array(1 << 20)));
  });
  await receive("/packed", { traffic, fetch: packed });
  expect(traffic.bytesPerMs).toBe(Number.POSITIVE_INFINITY);
  const plain = await serve((reply) => void reply.end(new Uint8Array(1 << 20)));
  await receive("/plain", { traffic, fetch: plain });
  expect(traffic.bytesPerMs).toBeLessThan(Number.POSITIVE_INFINITY);
});

test("it waits until nobody goes first", async () => {
  let asked = 0;
  const fetch = await serve((reply) => {
    asked++;
    reply.end("done");
  });
  const traffic = new Traffic();
  const letGo = traffic.hold();
  const download = receive("/held", { traffic, fetch });
  // Another one, which is not held, is through before it.
  await receive("/other", { traffic: new Traffic(), fetch });
  expect(asked).toBe(1);
  letGo();
  expect((await download).bytes).toBe(4);
});
