// Finds a Chromium that starts, for the end-to-end tests and the demo.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { Refusal, runTool } from "./ensure.mjs";

const COMMANDS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

const MAC = ["Chromium", "Google Chrome"].flatMap((name) =>
  ["", process.env.HOME ?? ""].map((home) => `${home}/Applications/${name}.app/Contents/MacOS/${name}`),
);

const WINDOWS = ["ProgramFiles", "ProgramFiles(x86)", "LocalAppData"].flatMap((folder) =>
  ["Google\\Chrome", "Chromium"].map((name) =>
    join(process.env[folder] ?? "", name, "Application\\chrome.exe"),
  ),
);

/**
 * Searches CHROME_PATH, the system, Playwright's own download; then downloads, by Playwright or by apt.
 *
 * @returns {Promise<string>} path of the executable
 * @throws Refusal that says what to do when there is none and none can be had
 */
export async function ensureChromium() {
  const named = process.env.CHROME_PATH;
  if (named) {
    if (starts(named)) return named;
    throw new Refusal(`CHROME_PATH: expected a Chromium that starts, got ${named}`);
  }
  const found = (await findChromium()) ?? (await download()) ?? installByApt();
  if (found !== undefined) return found;
  throw new Refusal(
    [
      "no Chromium found, and none could be downloaded. Do one of these, then run this again:",
      "  Debian, Ubuntu   sudo apt-get install chromium",
      "  anywhere         npx playwright install --with-deps chromium",
      "  by hand          install Chrome or Chromium and set CHROME_PATH to its executable",
    ].join("\n"),
  );
}

/** The first Chromium of this machine that starts: the system's, else Playwright's. */
async function findChromium() {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin", "/usr/local/bin", "/snap/bin"];
  const onPath = COMMANDS.flatMap((command) => folders.map((folder) => join(folder, command)));
  const candidates = [...onPath, ...MAC, ...WINDOWS, await playwrightPath()];
  return candidates.find((path) => existsSync(path) && starts(path));
}

async function playwrightPath() {
  const { chromium } = await import("playwright");
  return chromium.executablePath();
}

async function download() {
  console.log("no Chromium found: npx playwright install chromium");
  runTool("playwright/cli.js", ["install", "chromium"], { PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT: "10000" });
  const path = await playwrightPath();
  return existsSync(path) && starts(path) ? path : undefined;
}

/** Debian's package also brings the libraries that Playwright's download expects to be there. */
function installByApt() {
  if (process.getuid?.() !== 0 || spawnSync("apt-get", ["--version"]).status !== 0) return undefined;
  console.log("no Chromium yet: apt-get install chromium");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (/** @type {string[]} */ ...args) => spawnSync("apt-get", args, { env, stdio: "inherit" });
  apt("update");
  apt("install", "-y", "--no-install-recommends", "chromium");
  return existsSync("/usr/bin/chromium") && starts("/usr/bin/chromium") ? "/usr/bin/chromium" : undefined;
}

/** Whether its libraries are there. On Windows the question would open a window: believe the file. */
function starts(/** @type {string} */ path) {
  if (process.platform === "win32") return existsSync(path);
  return spawnSync(path, ["--version"], { timeout: 20_000 }).status === 0;
}
