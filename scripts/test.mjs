// npm test: runs every check and test; the last line is `N passed, M failed, K skipped`.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureChromium } from "./chromium.mjs";
import { ensureBuilt, ensureInstalled, Refusal, root, runScript, runTool } from "./ensure.mjs";

/** @typedef {{ passed: number, failed: number, skipped: number }} Tally */

const PARTS = ["unit", "e2e"];

await runScript(async () => {
  const asked = process.argv.slice(2);
  const unknown = asked.find((part) => !PARTS.includes(part));
  if (unknown !== undefined)
    throw new Refusal(`npm test -- [unit] [e2e]: expected one of these, got ${unknown}`);
  const parts = asked.length > 0 ? asked : PARTS;
  await ensureInstalled();

  /** @type {Tally[]} */
  const results = [];
  if (parts.includes("unit")) {
    results.push(
      check("formatting and lint", "@biomejs/biome/bin/biome", ["check", "--error-on-warnings", "."]),
    );
    results.push(check("types", "typescript/bin/tsc", ["-b"]));
    results.push(check("unused exports, unlisted dependencies", "knip/bin/knip.js", ["--no-progress"]));
    results.push(tests("unit tests", "vitest/vitest.mjs", vitestArgs, readVitest));
  }
  if (parts.includes("e2e")) results.push(await endToEnd());

  const total = (/** @type {keyof Tally} */ kind) => results.reduce((sum, result) => sum + result[kind], 0);
  console.log(`\n${total("passed")} passed, ${total("failed")} failed, ${total("skipped")} skipped`);
  return total("failed") > 0 ? 1 : 0;
});

/** The end-to-end tests; failing to have a page or a browser for them is one failed test. */
async function endToEnd() {
  try {
    await ensureBuilt();
    const env = { CHROME_PATH: await ensureChromium() };
    return tests("end-to-end tests", "playwright/cli.js", playwrightArgs, readPlaywright, env);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    console.error(error.message);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/** A tool that only says yes or no counts as one test. */
function check(/** @type {string} */ title, /** @type {string} */ program, /** @type {string[]} */ args) {
  heading(title);
  const passed = runTool(program, args).status === 0;
  return { passed: Number(passed), failed: Number(!passed), skipped: 0 };
}

/** Runs a test runner and reads the report that it writes beside its live output. */
function tests(
  /** @type {string} */ title,
  /** @type {string} */ program,
  /** @type {(report: string) => string[]} */ argsFor,
  /** @type {(report: any) => Tally} */ read,
  env = {},
) {
  heading(title);
  const folder = mkdtempSync(join(tmpdir(), "eddi-test-"));
  const path = join(folder, "report.json");
  const { status } = runTool(program, argsFor(path), { ...env, PLAYWRIGHT_JSON_OUTPUT_FILE: path });
  const tally = existsSync(path) ? read(JSON.parse(readFileSync(path, "utf8"))) : noTests();
  rmSync(folder, { recursive: true });
  // Whatever went wrong outside of a test, such as a file that does not load, must not pass unseen.
  if (status !== 0 && tally.failed === 0) tally.failed = 1;
  return tally;
}

function heading(/** @type {string} */ title) {
  console.log(`\n== ${title}`);
}

/** @returns {Tally} */
function noTests() {
  return { passed: 0, failed: 0, skipped: 0 };
}

function vitestArgs(/** @type {string} */ report) {
  return ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
}

function readVitest(/** @type {any} */ report) {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = report;
  const broken = testResults.filter(
    (/** @type {any} */ file) => file.status === "failed" && file.assertionResults.length === 0,
  );
  const failed = numFailedTests + broken.length;
  return { passed: numPassedTests, failed, skipped: numPendingTests + numTodoTests };
}

function playwrightArgs() {
  return ["test", "--config", join(root, "playwright.config.ts")];
}

function readPlaywright(/** @type {any} */ { stats, errors }) {
  const failed = stats.unexpected + stats.flaky + errors.length;
  return { passed: stats.expected, failed, skipped: stats.skipped };
}
