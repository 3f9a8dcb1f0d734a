import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { startService } from "./service.ts";
import { openFiles, type SiegeOptions } from "./siege.ts";

const CONNECTIONS = 60;
const EACH = 400;
/** By then all is as it was. */
const SETTLE_MS = 2_000;
const LEAVE_MS = 500;
const WARM_UPS = 2;

const KINDS: Readonly<Record<string, readonly [path: string, headers: string]>> = {
  page: ["/", ""],
  "page, compressed": ["/", "accept-encoding: br\r\n"],
  "largest shard": ["/models/resnet-imagenette/weights-05.bin", ""],
  "part of a shard": ["/models/resnet-imagenette/weights-05.bin", "range: bytes=100-200000\r\n"],
  "small shard": ["/models/tiny/weights-01.bin", ""],
  documentation: ["/docs/static/swagger-ui-bundle.js", ""],
  "a file that there is not": ["/assets/none.js", ""],
};

/** 60 connections that ask for a file 400 times without waiting, and leave: what stays open, and in memory. */
export async function pipeline({ engine, cores, say }: SiegeOptions): Promise<object> {
  const service = await startService(engine, 1, cores);
  const port = Number(new URL(service.url).port);
  const run = async ([path, headers]: readonly [string, string]): Promise<void> => {
    const bytes = `GET ${path} HTTP/1.1\r\nhost: x\r\n${headers}\r\n`.repeat(EACH);
    const sockets = Array.from({ length: CONNECTIONS }, () => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {}).pause();
      socket.write(bytes);
      return socket;
    });
    await sleep(LEAVE_MS);
    for (const socket of sockets) socket.destroy();
    await sleep(SETTLE_MS);
  };
  try {
    // Until caches, code and heap have their size.
    for (let round = 0; round < WARM_UPS; round++) for (const kind of Object.values(KINDS)) await run(kind);
    const results: Record<string, object> = {};
    for (const [name, kind] of Object.entries(KINDS)) {
      say(`${CONNECTIONS} x ${EACH} of ${name}`);
      const [files, bytes] = [openFiles(service.pid), service.rssBytes()];
      await run(kind);
      const grownMb = (service.rssBytes() - bytes) / 2 ** 20;
      results[name] = { filesLeft: openFiles(service.pid) - files, grownMb };
    }
    return { connections: CONNECTIONS, requestsEach: EACH, kinds: results };
  } finally {
    await service.stop();
  }
}
