// npm run coverage: runs the unit tests and prints, by folder, how much of its lines and branches they reach. What
// runs in processes of its own, as services do, is not seen, nor is what end-to-end tests reach.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { ensureInstalled, root, runScript, runTool } from "./ensure.mjs";

/** @typedef {{ total: number, covered: number }} Count */
/** @typedef {{ lines: Count, branches: Count }} Reached */

await runScript(async () => {
  await ensureInstalled();
  const folder = mkdtempSync(join(tmpdir(), "eddi-coverage-"));
  const args = [
    "run",
    "--coverage",
    "--coverage.reporter=json-summary",
    `--coverage.reportsDirectory=${folder}`,
  ];
  const { status } = runTool("vitest/vitest.mjs", [...args, "--reporter=dot", ...process.argv.slice(2)]);
  try {
    /** @type {Record<string, Reached>} */
    const { total, ...files } = JSON.parse(readFileSync(join(folder, "coverage-summary.json"), "utf8"));
    console.log(table(byFolder(files), total));
  } finally {
    rmSync(folder, { recursive: true });
  }
  return status ?? 1;
});

/** @returns {Map<string, Reached>} by folder, in the order of their names */
function byFolder(/** @type {Record<string, Reached>} */ files) {
  /** @type {Map<string, Reached>} */
  const folders = new Map();
  for (const [path, { lines, branches }] of Object.entries(files)) {
    const name = dirname(relative(root, path));
    const sum = folders.get(name) ?? { lines: none(), branches: none() };
    folders.set(name, { lines: plus(sum.lines, lines), branches: plus(sum.branches, branches) });
  }
  return new Map([...folders].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function table(/** @type {Map<string, Reached>} */ folders, /** @type {Reached | undefined} */ total) {
  const rows = [...folders, ...(total === undefined ? [] : [/** @type {const} */ (["all", total])])];
  const width = Math.max(...rows.map(([name]) => name.length));
  const text = rows.map(
    ([name, { lines, branches }]) =>
      `${name.padEnd(width)}  ${percent(lines)} of ${`${lines.total}`.padStart(5)} lines  ${percent(branches)} of ${`${branches.total}`.padStart(5)} branches`,
  );
  return ["", ...text].join("\n");
}

function none() {
  return { total: 0, covered: 0 };
}

function plus(/** @type {Count} */ a, /** @type {Count} */ b) {
  return { total: a.total + b.total, covered: a.covered + b.covered };
}

function percent(/** @type {Count} */ { covered, total }) {
  return `${(total === 0 ? 100 : (100 * covered) / total).toFixed(1).padStart(5)} %`;
}
