import { readFile } from "node:fs/promises";
import { EddiError } from "#shared/errors";
import type { Rate, RateStep } from "../rig/rate.ts";
import { type ProxyTarget, ShapingProxy } from "../rig/shaping-proxy.ts";
import { command } from "./command.ts";
import { number, parsed, required, text } from "./option.ts";

export const proxyCommand = command({
  name: "proxy",
  about: "Lets a service be reached as if over a slow network, until Ctrl-C.",
  options: {
    listen: required(number("PORT", "port on this machine; 0 takes any free one", [0, 65_535])),
    target: required(parsed("HOST:PORT", "the service", targetOf)),
    rtt: number("MS", "round trip time", [0, 1e6], 20),
    up: parsed(
      "MBIT",
      'uplink in Mbit/s, or @FILE: a trace, played again and again, one step a line: "SECONDS MBIT"',
      (rate, option) => () => rateOf(option, rate),
      "18.88",
    ),
    down: parsed("MBIT", "downlink, the same", (rate, option) => () => rateOf(option, rate), "50"),
    host: text("HOST", "address to listen on", "127.0.0.1"),
  },
  run: async ({ options: { listen: port, target, rtt: rttMs, up, down, host } }) => {
    const shape = { rttMs, uplink: await up(), downlink: await down() };
    const proxy = await ShapingProxy.start(target, shape, port, host).catch((cause: unknown) => {
      throw new EddiError("unavailable", `--listen: expected a free port, got ${port}`, { cause });
    });
    const to = `${target.host}:${target.port}`;
    process.stdout.write(`http://${host}:${proxy.port} -> ${to}, Ctrl-C stops\n`);
    await new Promise((resolve) => {
      process.once("SIGINT", resolve);
      process.once("SIGTERM", resolve);
    });
    await proxy.close();
  },
});

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

function targetOf(text: string, option: string): ProxyTarget {
  const [, host, port] = /^(?:http:\/\/)?([^:/]+):(\d+)\/?$/.exec(text) ?? [];
  if (host !== undefined) return { host, port: Number(port) };
  throw new EddiError("bad-argument", `${option}: expected HOST:PORT, got ${text}`);
}
