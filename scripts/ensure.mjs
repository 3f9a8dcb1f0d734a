// What has to be there before anything runs. Imports nothing that npm installs: it may be missing still.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runStep } from "./terminal.mjs";

/** The project's root, whatever folder we were called from. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/** Oldest Node, major and minor. */
const NODE = /** @type {const} */ ([20, 19]);

/** Ends the process with a message for the user instead of a stack. */
export class Refusal extends Error {}

/** Runs a script's body; what it refuses is told in one line, and the exit code is 1. */
export async function runScript(/** @type {() => Promise<number>} */ body) {
  try {
    checkNode(process.versions.node);
    process.exitCode = await body();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

export function checkNode(/** @type {string} */ version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > NODE[0] || (major === NODE[0] && minor >= NODE[1])) return;
  throw new Refusal(`expected Node ${NODE.join(".")} or newer, got ${version}: see https://nodejs.org`);
}

/** Runs `npm ci` unless node_modules holds what package-lock.json asks for: what builds and runs TypeScript, too. */
export async function ensureInstalled() {
  const missing = missingPackage();
  if (missing === undefined) return;
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const args = ["ci", "--include=dev", "--no-audit", "--no-fund"];
  const options = { cwd: root, shell: process.platform === "win32" };
  const done = await runStep(`installing packages with npm ci (${missing})`, npm, args, options);
  if (!done) throw new Refusal("npm ci failed: see its message above");
}

/** Builds the page unless dist/web was made from the sources as they are. */
export async function ensureBuilt() {
  const stamp = join(root, "dist/web/.built-from");
  const hash = hashOf(["apps/web", "shared", "vite.config.ts", "package-lock.json", "tsconfig.base.json"]);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return;
  const args = [join(root, "node_modules/vite/bin/vite.js"), "build", "--logLevel", "warn"];
  const done = await runStep("building the page with vite", process.execPath, args, { cwd: root });
  if (!done) throw new Refusal("the build failed: see its message above");
  writeFileSync(stamp, hash);
}

/** Runs the Node program of an installed package, without a shell and on any platform. */
export function runTool(/** @type {string} */ program, /** @type {readonly string[]} */ args, env = {}) {
  const path = join(root, "node_modules", program);
  const options = { cwd: root, stdio: /** @type {const} */ ("inherit"), env: { ...process.env, ...env } };
  return spawnSync(process.execPath, [path, ...args], options);
}

/**
 * npm keeps in node_modules/.package-lock.json what it has installed, written when it is done. Packages
 * added by hand do no harm, optional ones may be missing: their platform is another, or they did not build.
 */
function missingPackage() {
  const installed = packagesOf("node_modules/.package-lock.json");
  if (installed === undefined) return "node_modules is missing";
  for (const [path, { version, optional }] of Object.entries(packagesOf("package-lock.json") ?? {})) {
    if (path === "" || optional || installed[path]?.version === version) continue;
    return `${path} ${version} is missing`;
  }
  return undefined;
}

/** @returns {Record<string, { version: string, optional?: boolean }> | undefined} */
function packagesOf(/** @type {string} */ lock) {
  const path = join(root, lock);
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).packages : undefined;
}

/** SHA-256 over names and contents of these files and folders; tests do not count. */
function hashOf(/** @type {readonly string[]} */ names) {
  const hash = createHash("sha256");
  const add = (/** @type {string} */ name) => {
    const path = join(root, name);
    if (!existsSync(path)) return;
    const entries = listFolder(path);
    if (entries !== undefined) for (const entry of entries) add(`${name}/${entry}`);
    else if (!name.endsWith(".test.ts")) hash.update(`${name}\0`).update(readFileSync(path));
  };
  for (const name of names) add(name);
  return hash.digest("hex");
}

/** Names in a folder, sorted; nothing when it is a file. */
function listFolder(/** @type {string} */ path) {
  try {
    return readdirSync(path).sort();
  } catch {
    return undefined;
  }
}
