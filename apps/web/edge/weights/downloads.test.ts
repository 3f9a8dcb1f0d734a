import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { Service } from "../../service/service.ts";
import { Downloads } from "./downloads.ts";

const URL_OF_FILE = "/models/tiny/weights-01.bin";
const file = randomBytes(300_000);

type Range = readonly [number, number] | null;

const servers: Server[] = [];
const realFetch = globalThis.fetch;
afterEach(() => {
  vi.unstubAllGlobals();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A service with one file. @returns the ranges that were asked for; null for the whole file */
async function serve(
  answer: (reply: ServerResponse, range: Range, request: IncomingMessage) => void = send,
): Promise<Range[]> {
  const asked: Range[] = [];
  const server = createServer((request, reply) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    const range: Range = first === undefined ? null : [Number(first), Number(last)];
    asked.push(range);
    answer(reply, range, request);
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await new Promise((listens) => server.once("listening", listens));
  const { port } = server.address() as AddressInfo;
  const address = `http://127.0.0.1:${port}${URL_OF_FILE}`;
  vi.stubGlobal("fetch", (_: string, init: RequestInit) => realFetch(address, init));
  return asked;
}

function send(reply: ServerResponse, range: Range): void {
  if (range === null) {
    reply.end(file);
    return;
  }
  const [first, last] = range;
  reply.writeHead(206, { "content-range": `bytes ${first}-${last}/${file.length}` });
  reply.end(file.subarray(first, last + 1));
}

/** As if a link brought so many bytes a millisecond, where everything is fast. */
function serviceAt(bytesPerMs: number): Service {
  const service = newService();
  service.traffic.measured(1e6, 1e6 / bytesPerMs);
  vi.spyOn(service.traffic, "measured").mockImplementation(() => {});
  return service;
}

const newService = (): Service => new Service({ baseUrl: "http://service/", key: null });

async function fetchWith(service: Service): Promise<Buffer> {
  return Buffer.from(await new Downloads(service).fetch(URL_OF_FILE, file.length, false));
}

test("on a fast link, and before anything is known of it, a file comes as a whole", async () => {
  for (const service of [newService(), serviceAt(10_000)]) {
    const asked = await serve();
    const told: number[] = [];
    const downloads = new Downloads(service);
    const bytes = await downloads.fetch(URL_OF_FILE, file.length, false, (there) => told.push(there));
    expect(file.equals(bytes)).toBe(true);
    expect(asked).toEqual([null]);
    expect(told.at(-1)).toBe(file.length);
  }
});

test("on a slow link it comes in pieces of half a second", async () => {
  const asked = await serve();
  expect((await fetchWith(serviceAt(50))).equals(file)).toBe(true);
  expect(asked.length).toBe(12);
  for (const range of asked.slice(0, -1)) expect(range![1] + 1 - range![0]).toBe(25_000);
});

test("between pieces it gives way to whoever goes first", async () => {
  const service = serviceAt(100);
  const { traffic } = service;
  let letGo = (): void => {};
  const asked = await serve((reply, range) => {
    if (asked.length === 2) letGo = traffic.hold();
    send(reply, range);
  });
  const download = fetchWith(service);
  const isQuiet = (): boolean => asked.length === 2 && !traffic.wasOnSince(performance.now() + 1);
  await vi.waitFor(() => expect(isQuiet()).toBe(true), { timeout: 120_000 });
  letGo();
  expect((await download).equals(file)).toBe(true);
});

test("a file that breaks off goes on where it was", async () => {
  let isBroken = true;
  const asked = await serve((reply, range) => {
    if (!isBroken) return send(reply, range);
    reply.writeHead(200, { "content-length": file.length });
    reply.write(file.subarray(0, 100_000), () => setTimeout(() => reply.destroy(), 100));
  });
  const downloads = new Downloads(newService());
  const broken = downloads.fetch(URL_OF_FILE, file.length, false);
  await expect(broken).rejects.toMatchObject({ code: "unavailable" });
  isBroken = false;
  expect(file.equals(await downloads.fetch(URL_OF_FILE, file.length, false))).toBe(true);
  expect(asked).toEqual([null, [100_000, file.length - 1]]);
});

test("a link that becomes slow breaks a large piece off, and what came is kept", async () => {
  let pieces = 0;
  const asked = await serve((reply, range) => {
    if (pieces++ > 0) return send(reply, range);
    reply.write(file.subarray(0, 65_536));
    let at = 65_536;
    const trickle = setInterval(() => {
      reply.write(file.subarray(at, at + 100));
      at += 100;
    }, 50);
    reply.on("close", () => clearInterval(trickle));
  });
  expect((await fetchWith(newService())).equals(file)).toBe(true);
  expect(asked[0]).toBeNull();
  expect(asked[1]![0]).toBeGreaterThan(65_536);
});

test("where no ranges are known the file comes as a whole", async () => {
  for (const status of [200, 416]) {
    const asked = await serve((reply, range) => {
      if (range === null || status === 200) send(reply, null);
      else reply.writeHead(416).end();
    });
    expect((await fetchWith(serviceAt(50))).equals(file)).toBe(true);
    expect(asked.length).toBe(status === 200 ? 1 : 2);
  }
});

test("a file that is shorter than it should be comes as it is, for its check to refuse", async () => {
  for (const service of [newService(), serviceAt(50)]) {
    await serve((reply, range) => {
      if (range === null) reply.end(file.subarray(0, 70_000));
      else reply.writeHead(206).end(file.subarray(range[0], Math.min(range[1] + 1, 70_000)));
    });
    expect((await fetchWith(service)).length).toBe(70_000);
  }
});

test("what fails says so: there is none, or no service", async () => {
  await serve((reply) => reply.writeHead(404).end());
  await expect(fetchWith(newService())).rejects.toMatchObject({ code: "not-found" });
  await serve((reply) => reply.writeHead(500).end("no"));
  await expect(fetchWith(serviceAt(50))).rejects.toMatchObject({ code: "unavailable" });
});
