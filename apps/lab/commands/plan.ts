import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { EddiError } from "#shared/errors";
import { type Choice, optimize } from "#shared/optimizer";
import { readProblem } from "../planning/read-problem.ts";
import { command } from "./command.ts";

export const planCommand = command({
  name: "plan",
  call: "npm run -s lab -- plan",
  about: `Plans problems given as JSON: which exit, and which nodes run on the edge. FILE, or - for standard input, holds
one problem or an array of them; the answer is one plan, or an array in the same order. Exact: see
docs/mathematics.md.

  {"nodes":[{"id":"image","edgeMs":0,"cloudMs":0,"outputBytes":12000},
            {"id":"n1","edgeMs":4.1,"cloudMs":0.3,"outputBytes":8000}],
   "edges":[["image","n1"]],
   "exits":[{"id":"exit1","node":"n1","accuracy":0.71,"resultBytes":64}],
   "conditions":{"rttMs":40,"uplinkBps":5850000,"downlinkBps":20000000,"edgeScale":1,"cloudScale":1,"queueMs":0},
   "objective":{"kind":"accuracy","budgetMs":200}}

The only node without predecessors is the image; it stays on the edge. Objectives: accuracy with budgetMs;
latency with minAccuracy; throughput with minAccuracy, which minimises the longest of edge, uplink and cloud.`,
  argument: { name: "FILE", read: (file) => file },
  options: {},
  run: async ({ argument: file }) => {
    const given = parse(file === "-" ? await text(process.stdin) : await read(file), file);
    const plans = Array.isArray(given)
      ? given.map((problem, at) => planOf(problem, `[${at}].`))
      : planOf(given, "");
    process.stdout.write(`${JSON.stringify(plans)}\n`);
  },
});

function planOf(problem: unknown, where: string) {
  try {
    // Without constraints every exit has a plan.
    return toPlan(optimize(readProblem(problem))!);
  } catch (thrown) {
    if (!(thrown instanceof EddiError)) throw thrown;
    throw new EddiError(thrown.code, `${where}${thrown.message}`, { cause: thrown });
  }
}

/** @throws EddiError `bad-argument` when the times are beyond what numbers hold */
function toPlan({ exit, head, cut, latency, periodMs, accuracy, feasible, lowerBoundMs }: Choice) {
  const { edgeMs, uplinkMs, cloudMs, rttMs, queueMs, downlinkMs, totalMs } = latency;
  if (!Number.isFinite(totalMs)) {
    const expected = "expected times and sizes whose sums are finite numbers of milliseconds";
    throw new EddiError("bad-argument", `${exit}: ${expected}, got ${totalMs} ms for its best plan`);
  }
  return {
    exit,
    edgeNodes: head,
    cutTensors: cut,
    latencyMs: totalMs,
    stages: { edgeMs, uplinkMs, cloudMs, fixedMs: rttMs + queueMs + downlinkMs },
    periodMs,
    accuracy,
    feasible,
    ...(lowerBoundMs === undefined ? {} : { lowerBoundMs, exact: false }),
  };
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new EddiError("not-found", `${file}: expected a file, got ${(cause as Error).message}`, { cause });
  }
}

function parse(json: string, file: string): unknown {
  if (json.trim() === "") throw new EddiError("bad-argument", `${file}: expected JSON, got an empty file`);
  try {
    return JSON.parse(json);
  } catch (cause) {
    const [reason] = (cause as Error).message.split("\n");
    throw new EddiError("bad-argument", `${file}: expected JSON, got ${reason}`, { cause });
  }
}
