import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { readProfile } from "#shared/profile";
import { temporaryFolder } from "../data/fixture.ts";
import { classifier, graphFiles, writeFiles } from "../import/fixture.ts";
import { runLab } from "../run-lab.ts";
import { atTerminal } from "../terminal/terminal-fixture.ts";
import { importCommand } from "./import.ts";

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
let model: string;
beforeAll(async () => {
  scratch = await temporaryFolder();
  model = await writeFiles(path.join(scratch.folder, "foreign"), graphFiles(classifier()));
});
afterEach(() => vi.unstubAllEnvs());
afterAll(() => scratch.remove());

test("lab import writes a model with profiles and pictures, and prints what it made of it", {
  timeout: 600_000,
}, async () => {
  const labels = path.join(scratch.folder, "labels.txt");
  writeFileSync(labels, "cat\r\ndog\r\nbird\r\nfish\r\n\r\n");
  const out = path.join(scratch.folder, "mine");
  const options = ["--id", "mine", "--labels", labels, "--range", "-1,1", "--repeats", "1", "--out", out];
  const { status, stdout, stderr } = await lab("import", model, ...options);
  expect([status, stderr.includes("Error")]).toEqual([0, false]);
  expect(stdout).toContain("mine: 8x8x3 in -1..1, 4 classes as logits, exits full (logits)\n");
  expect(stdout).toContain(
    "23 operations came; 2 idle ones dropped, 0 computed to constants, 4 folded into others",
  );
  expect(stdout).toMatch(
    /compared on 64 images of noise: largest difference of a score \d\.\d\de-\d+, the same said 100\.0 %/,
  );
  expect(stdout).toMatch(/^full +7 /m);
  expect(stdout).toMatch(/full, all on the edge/);
  for (const svg of ["graph.svg", "phase-map.svg"])
    expect(readFileSync(path.join(out, svg), "utf8")).toContain("</svg>");
  for (const role of ["head", "tail"]) {
    const file = path.join(out, "profiles", `${role}-wasm.json`);
    expect(readProfile(JSON.parse(readFileSync(file, "utf8")))).toMatchObject({ model: "mine", role });
  }
});

test.each<[RegExp, readonly string[]]>([
  [/--id: expected lower case letters, digits and -, got none/, []],
  [/--id: expected .*, got Mine/, ["--id", "Mine"]],
  [/--out: expected a folder called x, .*got .*other/, ["--id", "x", "--out", "/tmp/other"]],
  [/--range: expected two numbers, rising, such as -1,1, got 1,-1/, ["--id", "x", "--range", "1,-1"]],
  [/--range: expected two numbers.*, got 3$/, ["--id", "x", "--range", "3"]],
  [/--exits: expected distinct names with commas between, got a,,b/, ["--id", "x", "--exits", "a,,b"]],
  [
    /--output: expected softmax, logits, sigmoid, embedding, vector, got classes/,
    ["--id", "x", "--output", "classes"],
  ],
  [
    /--output: expected what the scores are, .*\n {2}Identity \[batch, 4\]: 4 values end in logits \(BiasAdd\)/,
    ["--id", "x"],
  ],
  [/--repeats: expected a whole number/, ["--id", "x", "--repeats", "few"]],
  [/--labels: expected a file, got none at nowhere/, ["--id", "x", "--labels", "nowhere"]],
  [
    /--exits: expected names of nodes .*the model's outputs are Identity.*, got nothing/,
    ["--id", "x", "--exits", "nothing"],
  ],
])("bad input is refused before anything is written: %s", async (message, options) => {
  const out = options.includes("--out") ? [] : ["--out", path.join(scratch.folder, "x")];
  await expect(importCommand.run([model, ...options, ...out])).rejects.toThrow(message);
  expect(existsSync(path.join(scratch.folder, "x"))).toBe(false);
});

function lab(...args: readonly string[]) {
  vi.stubEnv("XDG_CACHE_HOME", scratch.folder);
  vi.stubEnv("EDDI_DATA", "");
  return atTerminal(() => runLab(args));
}
