import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { EddiError } from "#shared/errors";
import { type EstimateLine, estimateLines, readSamples } from "../planning/estimate.ts";
import { command } from "./command.ts";

export const estimateCommand = command({
  name: "estimate",
  call: "npm run -s lab -- estimate",
  about: "Replays requests over a link and tells, line by line, what is known of it.",
  argument: {
    name: "FILE",
    help: `newline-delimited JSON, or - for standard input; one request a line, in the order of their answers:
{"tMs":0,"bytes":8700,"elapsedMs":52.1,"serverMs":3.4}
tMs: when it was sent; elapsedMs: until the reply; serverMs: of that, queue and compute`,
    read: (file) => file,
  },
  options: {},
  more: `Prints a line for each:
          {"rttMs":40.2,"uplinkBps":5850000,"predictedMs":{"p025":39.1,"p50":51.8,"p975":70.3}}
          RTT and uplink after it; predictedMs: what elapsedMs - serverMs was expected to be, from the lines
          before and its own bytes, null for the first`,
  run: async ({ argument: file }) => {
    const lines = estimateLines(readSamples(await contents(file)));
    process.stdout.write(lines.map((line: EstimateLine) => `${JSON.stringify(line)}\n`).join(""));
  },
});

async function contents(file: string): Promise<string> {
  if (file === "-") return text(process.stdin);
  return readFile(file, "utf8").catch((cause: unknown) => {
    throw new EddiError("not-found", `FILE: expected a file at ${file}, got none`, { cause });
  });
}
