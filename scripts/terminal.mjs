// How scripts speak to a person; what is piped is read by a program, and gets everything as it comes.
import { spawn } from "node:child_process";
import { once } from "node:events";

/** Levels of the service's log lines, as pino numbers them. */
const WARNING = 40;
const ERROR = 50;

const SECOND_MS = 1000;

/**
 * Runs a program that may take a while. On a terminal one line says what goes on and for how long, and what the program
 * prints is shown only when it fails; elsewhere its output passes through.
 *
 * @param {string} what such as "installing packages"
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, shell?: boolean }} options
 * @returns {Promise<boolean>} whether it ended with 0
 */
export async function runStep(what, command, args, options, isTerminal = process.stdout.isTTY === true) {
  if (!isTerminal) {
    console.log(what);
    const child = spawn(command, args, { ...options, stdio: "inherit" });
    return (await endOf(child)) === 0;
  }
  const startMs = performance.now();
  const line = () => `${what} ... ${Math.round((performance.now() - startMs) / SECOND_MS)} s`;
  process.stdout.write(line());
  const tick = setInterval(() => process.stdout.write(`\r${line()}`), SECOND_MS);
  try {
    const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        printed += text;
      });
    }
    const code = await endOf(child);
    process.stdout.write(`\r${line()}${code === 0 ? "" : ", failed"}\n`);
    if (code !== 0) process.stderr.write(printed);
    return code === 0;
  } finally {
    clearInterval(tick);
  }
}

/** The exit code, once all output is there; one that cannot be started says why. */
async function endOf(/** @type {import("node:child_process").ChildProcess} */ child) {
  try {
    const [code] = await once(child, "close");
    return code;
  } catch (error) {
    console.error(/** @type {Error} */ (error).message);
    return null;
  }
}

/**
 * A line of the service's log as a person reads it.
 *
 * @param {string} line JSON as pino writes it, or what anything else printed
 * @param {number} least level below which a line is not for a person
 * @returns {string | undefined} nothing where it says nothing to a person
 */
export function readableLine(line, least = WARNING) {
  const entry = parsed(line);
  if (entry === undefined) return line;
  const { level, msg, err, settings } = entry;
  if (level < least || settings !== undefined) return undefined;
  const severity = level >= ERROR ? "error: " : level >= WARNING ? "warning: " : "";
  const cause = err?.message !== undefined && !`${msg}`.includes(err.message) ? ` (${err.message})` : "";
  return `${severity}${msg ?? ""}${cause}`;
}

/** @returns {{ level: number, msg?: string, err?: { message?: string }, settings?: unknown } | undefined} */
function parsed(/** @type {string} */ line) {
  if (!line.startsWith("{")) return undefined;
  try {
    const entry = JSON.parse(line);
    return typeof entry.level === "number" ? entry : undefined;
  } catch {
    return undefined;
  }
}
