// The service as a child of a script: its output told as the reader needs it, its end ours.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Refusal, root } from "./ensure.mjs";
import { readableLine } from "./terminal.mjs";

const STOP_MS = 20_000;

/**
 * Runs the service until it ends or we are told to stop.
 *
 * @param {readonly string[]} node arguments of Node, such as `--import tsx apps/cloud/main.ts`
 * @param {readonly string[]} args arguments of the service
 * @param {() => Promise<void>} onReady called when it listens, each time that it starts anew
 * @returns {Promise<number>} 0 after a signal of ours
 * @throws Refusal when it ended by itself
 */
export async function runService(node, args, onReady) {
  const isTold = process.stderr.isTTY === true;
  const child = spawn(process.execPath, [...node, ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", isTold ? "pipe" : "inherit"],
    // Its own group: Ctrl-C in a terminal reaches it once, through us.
    detached: process.platform !== "win32",
  });
  let stopping = false;
  const stop = () => {
    child.kill(stopping ? "SIGKILL" : "SIGINT");
    if (!stopping) setTimeout(() => child.kill("SIGKILL"), STOP_MS).unref();
    stopping = true;
  };
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, stop);
  process.on("exit", () => child.kill("SIGKILL"));

  createInterface(/** @type {import("node:stream").Readable} */ (child.stdout)).on("line", (line) => {
    const isAddress = line.startsWith("listening on ");
    // A person is told by `onReady`.
    if (!isAddress || process.stdout.isTTY !== true) console.log(line);
    if (isAddress && !stopping) void onReady();
  });
  if (child.stderr !== null) {
    // Who asks for a level wants to see it.
    const least = args.some((arg) => arg.startsWith("--log-level")) ? 0 : undefined;
    createInterface(child.stderr).on("line", (line) => {
      const text = readableLine(line, least);
      if (text !== undefined) console.error(text);
    });
  }
  const [code] = await once(child, "exit");
  if (stopping) return 0;
  throw new Refusal(`the service ended with exit code ${code}: see its message above`);
}
