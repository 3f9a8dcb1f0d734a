import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { EddiError } from "#shared/errors";
import type { Rate, RateStep } from "../rig/rate.ts";
import { type ProxyTarget, ShapingProxy } from "../rig/shaping-proxy.ts";

const USAGE = `npm run lab -- proxy --listen PORT --target HOST:PORT --rtt MS --up MBIT --down MBIT

Lets a service be reached as if over a slow network, until Ctrl-C.

  --listen PORT       port on this machine
  --target HOST:PORT  the service
  --rtt MS            round trip time (default 20)
  --up MBIT           uplink in Mbit/s (default 18.88), or @FILE: a trace, played again and again,
                      one step a line: "SECONDS MBIT"
  --down MBIT         downlink, the same (default 50)
  --host HOST         address to listen on (default 127.0.0.1)
`;

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      listen: { type: "string" },
      target: { type: "string" },
      rtt: { type: "string", default: "20" },
      up: { type: "string", default: "18.88" },
      down: { type: "string", default: "50" },
      host: { type: "string", default: "127.0.0.1" },
      help: { type: "boolean" },
    },
  });
  if (values.help || values.listen === undefined || values.target === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  const shape = {
    rttMs: numberOf("--rtt", values.rtt, 0),
    uplink: await rateOf("--up", values.up),
    downlink: await rateOf("--down", values.down),
  };
  const target = targetOf(values.target);
  const port = numberOf("--listen", values.listen, 0);
  const proxy = await ShapingProxy.start(target, shape, port, values.host).catch((cause: unknown) => {
    throw new EddiError("unavailable", `--listen: expected a free port, got ${port}`, { cause });
  });
  process.stdout.write(`http://${values.host}:${proxy.port} -> ${values.target}, Ctrl-C stops\n`);
  await new Promise((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  await proxy.close();
}

async function rateOf(option: string, text: string): Promise<Rate> {
  if (!text.startsWith("@")) return 1e6 * numberOf(option, text, Number.MIN_VALUE);
  const file = text.slice(1);
  const lines = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new EddiError("not-found", `${option}: expected a trace at ${file}, got none`, { cause });
  });
  return lines
    .trim()
    .split("\n")
    .map((line, at): RateStep => {
      const [seconds, mbit] = line.trim().split(/\s+/);
      const name = `${file}, line ${at + 1}`;
      return { durationMs: 1e3 * numberOf(name, seconds, 0), bps: 1e6 * numberOf(name, mbit, 0) };
    });
}

function numberOf(name: string, text: string | undefined, atLeast: number): number {
  const value = Number(text || Number.NaN);
  if (Number.isFinite(value) && value >= atLeast) return value;
  const least = atLeast > 0 ? "above 0" : "0 or above";
  throw new EddiError("bad-argument", `${name}: expected a number ${least}, got ${text}`);
}

function targetOf(text: string): ProxyTarget {
  const [, host, port] = /^(?:http:\/\/)?([^:/]+):(\d+)\/?$/.exec(text) ?? [];
  if (host !== undefined) return { host, port: Number(port) };
  throw new EddiError("bad-argument", `--target: expected HOST:PORT, got ${text}`);
}
