import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { CutProblem } from "./cut-problem.ts";

const SOURCE = fileURLToPath(new URL("boost-cut.cpp", import.meta.url));

/** How long a peer took for one cut, and what it found. */
export interface PeerCut {
  readonly buildMs: number;
  readonly cutMs: number;
  readonly value: number;
}

/** Boykov-Kolmogorov in C++ (libboost-graph-dev), compiled when it is asked for. */
export interface Peer {
  cut(problems: readonly CutProblem[]): readonly PeerCut[];
  close(): void;
}

/** @returns why there is none, where there is no compiler, or no Boost */
export function boostPeer(): Peer | string {
  const folder = mkdtempSync(path.join(os.tmpdir(), "eddi-peer-"));
  const program = path.join(folder, "boost-cut");
  const close = (): void => rmSync(folder, { recursive: true, force: true });
  const built = spawnSync("g++", ["-O3", "-DNDEBUG", "-o", program, SOURCE], { encoding: "utf8" });
  if (built.status !== 0) {
    close();
    if (built.error !== undefined) return "no g++ on this machine";
    return /boost\/.*: No such file/.test(built.stderr)
      ? "no libboost-graph-dev on this machine"
      : built.stderr;
  }
  return { cut: (problems) => run(program, problems), close };
}

/** @param problems of one network */
function run(program: string, problems: readonly CutProblem[]): readonly PeerCut[] {
  const { vertices, pairs } = problems[0]!;
  const lines = [
    `${vertices} ${pairs.length / 2} ${problems.length}`,
    pairs.join(" "),
    ...problems.map(({ fromSource, toSink, capacity }) =>
      [...fromSource, ...toSink, ...capacity].map((value) => Math.min(value, 1e300)).join(" "),
    ),
  ];
  const { status, stdout, stderr } = spawnSync(program, {
    input: lines.join("\n"),
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(`expected cuts of ${program}, got status ${status}: ${stderr}`);
  return stdout
    .trim()
    .split("\n")
    .map((line) => {
      const [buildMs, cutMs, value] = line.split(" ").map(Number);
      return { buildMs: buildMs!, cutMs: cutMs!, value: value! };
    });
}
