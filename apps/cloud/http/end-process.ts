import { type ChildProcess, spawn } from "node:child_process";

/** `process.exit` has done its work by then, unless it waits for a thread that hangs. */
export const EXIT_LIMIT_MS = 1_000;

/**
 * Another process: after so many milliseconds it kills the one that has started it, sooner or later if told so, and ends
 * with that. So that no worker that hangs is left, it kills the other processes of that one first, which only Linux tells.
 * Plain JavaScript, for `node -e`.
 */
const KILLER = `
const { readdirSync, readFileSync } = require("node:fs");
const pid = Number(process.argv[1]);
let timer;
const others = () => {
  try {
    const threads = readdirSync("/proc/" + pid + "/task");
    const lists = threads.map((thread) => readFileSync("/proc/" + pid + "/task/" + thread + "/children", "utf8"));
    return lists.join(" ").split(" ").filter(Boolean).map(Number).filter((child) => child !== process.pid);
  } catch {
    return [];
  }
};
const arm = (ms) => {
  clearTimeout(timer);
  timer = setTimeout(() => {
    try {
      for (const one of [...others(), pid]) process.kill(one, "SIGKILL");
    } finally {
      process.exit();
    }
  }, ms);
};
arm(Number(process.argv[2]));
process.stdin.on("data", (text) => arm(Number(text))).on("end", () => process.exit()).on("error", () => process.exit());
`;

let killer: ChildProcess | null = null;

/**
 * This process will be gone in so many milliseconds, whatever hangs in it: the event loop, a worker inside native code,
 * or one of Node's own threads inside a system call on a dead mount, for which even `process.exit` waits.
 */
export function endWithin(limitMs: number): void {
  if (killer === null) {
    const args = ["-e", KILLER, String(process.pid), String(limitMs)];
    // In a group of its own: what a terminal sends to ours is not meant for it. Our options are not either.
    const env = { ...process.env, NODE_OPTIONS: "" };
    const child = spawn(process.execPath, args, { stdio: ["pipe", "ignore", "ignore"], detached: true, env });
    // Where no process can be had any more there is no killer, and we end as we can.
    child.on("error", () => {});
    child.stdin?.on("error", () => {});
    child.unref();
    killer = child;
  } else killer.stdin?.write(`${limitMs}\n`);
}

/** Ends this process with that code, or by force where something hangs. */
export function endProcess(code: number): void {
  // The first process of a container takes no SIGKILL from inside of it. It can become another one, which ends.
  const { execve } = process as { execve?: (file: string, args: string[], env: object) => never };
  if (process.pid === 1 && execve !== undefined) {
    execve.call(process, process.execPath, [process.execPath, "-e", `process.exit(${code})`], {});
  }
  endWithin(EXIT_LIMIT_MS);
  process.exit(code);
}
