import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { type LinkShape, ShapingProxy } from "./shaping-proxy.ts";

const FAST: LinkShape = { rttMs: 0, uplink: 1e9, downlink: 1e9 };
/** What a machine may add to a delay that is not busy; nothing makes it shorter. A busy one gets another try. */
const SLACK_MS = 150;

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

test("nothing is lost, changed or reordered, in both directions at once", async () => {
  const echo = await serve((socket) => socket.pipe(socket));
  const proxy = await start(echo, { rttMs: 10, uplink: 80e6, downlink: 80e6 });
  const sent = [1, 1447, 1448, 1449, 500_000, 700_001].map((size) => randomBytes(size));
  const answers = await Promise.all(
    sent.map(async (bytes) => {
      const client = await dial(proxy);
      client.end(bytes);
      return await readAll(client);
    }),
  );
  answers.forEach((answer, i) => {
    expect(digest(answer)).toBe(digest(sent[i]!));
  });
  const total = sent.reduce((sum, bytes) => sum + bytes.length, 0);
  expect(proxy.carried).toEqual({ up: total, down: total });
});

test("a message takes its bits over the rate plus one RTT, and the first one a handshake more", async () => {
  const replier = await serve((socket) => replyTo(socket, 50_000));
  const proxy = await start(replier, { rttMs: 80, uplink: 4e6, downlink: 100e6 });
  // 35 segments of 1448 bytes, the last one shorter, each with 52 bytes of headers.
  const ideal = 80 + ((50_000 + 35 * 52) * 8) / 4e3;
  await expectTime(async () => roundTrip(await dial(proxy), 50_000), ideal + 80);
  const client = await dial(proxy);
  await roundTrip(client, 50_000);
  await expectTime(() => roundTrip(client, 50_000), ideal);
});

test("connections share the rate of a direction", async () => {
  const replier = await serve((socket) => replyTo(socket, 25_000));
  const proxy = await start(replier, { rttMs: 0, uplink: 4e6, downlink: 1e9 });
  const clients = await Promise.all([dial(proxy), dial(proxy), dial(proxy), dial(proxy)]);
  const ideal = ((100_000 + 72 * 52) * 8) / 4e3;
  const all = () => Promise.all(clients.map((client) => roundTrip(client, 25_000)));
  await expectTime(async () => Math.max(...(await all())), ideal);
});

test("a change of rate takes effect on bytes that are waiting already", async () => {
  const replier = await serve((socket) => replyTo(socket, 100_000));
  const proxy = await start(replier, FAST);
  const client = await dial(proxy);
  // 200 ms at 0.1 Mbit/s is next to nothing; the rest takes 100 ms. Without the change it is 8 s.
  const sped = async (): Promise<number> => {
    proxy.shape({ uplink: 100e3 });
    const took = roundTrip(client, 100_000);
    await delay(200);
    proxy.shape({ uplink: 8e6 });
    return await took;
  };
  await expect.poll(sped).toBeLessThan(200 + 105 + SLACK_MS);
  proxy.shape({ rttMs: 120 });
  expect(await roundTrip(client, 100_000)).toBeGreaterThan(118);
});

test("a trace is played over time", async () => {
  const replier = await serve((socket) => replyTo(socket, 30_000));
  const proxy = await start(replier, FAST);
  const client = await dial(proxy);
  await roundTrip(client, 30_000);
  const gap = { durationMs: 250, bps: 0 };
  const traced = (): Promise<number> => {
    proxy.shape({ uplink: [gap, { durationMs: 1000, bps: 8e6 }] });
    return roundTrip(client, 30_000);
  };
  // Who is late for the gap waits for less of it.
  await expect.poll(traced).toSatisfy((ms: number) => ms > 250 + 30 - 4 && ms < 250 + 32 + SLACK_MS);
});

test("a stall holds everything back and loses nothing", async () => {
  const replier = await serve((socket) => replyTo(socket, 200_000));
  const proxy = await start(replier, { ...FAST, uplink: 2e6 });
  const client = await dial(proxy);
  const took = roundTrip(client, 200_000);
  await expect.poll(() => proxy.carried.up).toBeGreaterThan(0);
  proxy.stall();
  const { up } = proxy.carried;
  await delay(200);
  expect(proxy.carried.up).toBe(up);
  proxy.resume();
  expect(await took).toBeGreaterThan(800 + 190);
});

test("connections can be reset, refused and taken again on the same port", async () => {
  const replier = await serve((socket) => replyTo(socket, 1));
  const proxy = await start(replier, FAST);
  const { port } = proxy;
  const client = await dial(proxy);
  await roundTrip(client, 1);
  const broken = once(client, "data");
  proxy.reset();
  await expect(broken).rejects.toThrow("ECONNRESET");
  await proxy.refuse();
  await expect(dial(proxy)).rejects.toThrow("ECONNREFUSED");
  await proxy.accept();
  expect(proxy.port).toBe(port);
  await roundTrip(await dial(proxy), 1);
});

test("a service that is not there resets the client", async () => {
  const gone = await serve(() => {});
  gone.close();
  const proxy = await start(gone, FAST);
  const client = await dial(proxy);
  await expect(roundTrip(client, 1)).rejects.toThrow(/ECONNRESET|closed/);
});

test("a sender faster than the link is held back", async () => {
  const sink = await serve((socket) => socket.resume());
  const proxy = await start(sink, { ...FAST, uplink: 1e6 });
  const client = await dial(proxy);
  for (let i = 0; i < 64; i++) client.write(Buffer.alloc(1 << 20));
  await delay(300);
  // Some megabytes fit into the buffers of the system; the rest has to wait in the client.
  expect(client.writableLength).toBeGreaterThan(32 << 20);
  client.destroy();
});

async function serve(onSocket: (socket: Socket) => void): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  opened.push({
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  });
  Object.assign(server, { port: (server.address() as AddressInfo).port });
  return server;
}

/** Answers one byte for every so many that came. */
function replyTo(socket: Socket, bytes: number): void {
  let open = 0;
  socket.on("data", (chunk) => {
    for (open += chunk.length; open >= bytes; open -= bytes) socket.write("!");
  });
}

async function start(server: Server, shape: LinkShape): Promise<ShapingProxy> {
  const { port } = server as unknown as { port: number };
  const proxy = await ShapingProxy.start({ host: "127.0.0.1", port }, shape);
  opened.push(proxy);
  return proxy;
}

async function dial(proxy: ShapingProxy): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port: proxy.port, noDelay: true });
  opened.push({ close: () => socket.destroy() });
  await once(socket, "connect");
  return socket;
}

/** Milliseconds until the one byte of the answer is here. */
async function roundTrip(socket: Socket, bytes: number): Promise<number> {
  const start = performance.now();
  socket.write(Buffer.alloc(bytes));
  const closed = once(socket, "close").then(() => Promise.reject(new Error("closed")));
  await Promise.race([once(socket, "data"), closed]);
  return performance.now() - start;
}

/** That it never takes less, and when the machine has time no more. */
async function expectTime(run: () => Promise<number>, idealMs: number): Promise<void> {
  const times: number[] = [];
  const once = async (): Promise<number> => {
    const ms = await run();
    times.push(ms);
    return ms;
  };
  await expect.poll(once).toBeLessThan(idealMs + SLACK_MS);
  expect(Math.min(...times)).toBeGreaterThan(idealMs - 2);
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
