// npm run setup:onnx: places ONNX Runtime beside the other packages. npm itself would take away what it did not install
// (TF.js' native addon, where it was built by hand), and would keep the libraries of all platforms: 290 MB.
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ensureInstalled, Refusal, root, runScript } from "./ensure.mjs";
import { runStep } from "./terminal.mjs";

const NAME = "onnxruntime-node";

await runScript(async () => {
  await ensureInstalled();
  const { peerDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const wanted = `${NAME}@${peerDependencies[NAME]}`;
  const folder = mkdtempSync(join(root, "node_modules/.setup-onnx-"));
  try {
    const npm = process.platform === "win32" ? "npm.cmd" : "npm";
    // Its install script fetches CUDA's provider, from where closed networks do not reach.
    const args = [
      "install",
      "--prefix",
      folder,
      "--no-save",
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      wanted,
    ];
    const options = { cwd: folder, shell: process.platform === "win32" };
    const done = await runStep(`fetching ${wanted}, 113 MB`, npm, args, options);
    if (!done) throw new Refusal(`expected npm to fetch ${wanted}: see its message above`);
    for (const name of [NAME, "onnxruntime-common"]) {
      const from = join(folder, "node_modules", name);
      const to = join(root, "node_modules", name);
      rmSync(to, { recursive: true, force: true });
      cpSync(from, to, { recursive: true, filter: (path) => isOfThisPlatform(path.slice(from.length)) });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${wanted} is there`);
  return 0;
});

/** Whether a path inside the package is not the library of another platform. */
function isOfThisPlatform(/** @type {string} */ path) {
  const [, platform, arch] = /[\\/]bin[\\/][^\\/]+[\\/]([^\\/]+)(?:[\\/]([^\\/]+))?/.exec(path) ?? [];
  return (platform ?? process.platform) === process.platform && (arch ?? process.arch) === process.arch;
}
