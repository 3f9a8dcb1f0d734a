import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { runLab } from "../run-lab.ts";
import { atTerminal } from "../terminal/terminal-fixture.ts";

const folder = mkdtempSync(path.join(tmpdir(), "eddi-drawings-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("lab graph prints the stages and draws every node", async () => {
  const out = path.join(folder, "graph.svg");
  const { status, stdout } = await lab("graph", "tiny", "--out", out);
  expect(status).toBe(0);
  expect(stdout).toMatch(/53 operations - 28 constants - 0 identities - 0 unneeded = 25 nodes/);
  expect(stdout).toMatch(/^exit3 +18 /m);
  expect(readFileSync(out, "utf8")).toContain("exit3/scores");
  expect(stdout).toContain(`\npicture: ${out}\n`);
});

test("lab graph draws the curves of a model's codecs beside its DAG", async () => {
  const [out, codecs] = ["resnet.svg", "resnet-codecs.svg"].map((file) => path.join(folder, file));
  const { status, stdout } = await lab("graph", "resnet-imagenette", "--json", "--out", out!);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ picture: out, codecs });
  expect(readFileSync(codecs!, "utf8")).toContain("stem/conv2, learned 1");
});

test("lab phase-map prints how much of the map each plan has, and draws it", async () => {
  const out = path.join(folder, "map.svg");
  const size = ["--columns", "12", "--rows", "9", "--out", out];
  const { status, stdout } = await lab("phase-map", "resnet-imagenette", "--json", ...size);
  expect(status).toBe(0);
  const { cells, uplinkMbps, cloudScales } = JSON.parse(stdout);
  expect([cells.length, cells[0].length]).toEqual([9, 12]);
  expect([uplinkMbps[0], uplinkMbps.at(-1)]).toEqual([0.05, expect.closeTo(100, 9)]);
  expect(cloudScales.at(-1)).toBeCloseTo(64, 9);
  // Where the uplink is worst nothing is sent; where it is best and the cloud fastest, something is.
  expect(cells[8][0].cut).toEqual([]);
  expect(cells[0][11].cut.length).toBeGreaterThan(0);
  expect(readFileSync(out, "utf8")).toContain("</svg>");
});

test.each([
  ["graph", "nowhere"],
  ["graph", "tiny", "tiny"],
  ["phase-map", "nowhere"],
  ["phase-map", "tiny", "--budget", "soon"],
  ["phase-map", "tiny", "--min-accuracy", "85"],
  ["phase-map", "tiny", "--out", "/nowhere/map.svg"],
])("bad input is one line and exit code 2: %s %s %s", async (...args) => {
  const { status, stdout, stderr } = await lab(...args);
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr.trimEnd()).toMatch(/expected [^\n]*$/);
});

function lab(...args: readonly string[]) {
  return atTerminal(() => runLab(args));
}
