import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { type EstimateLine, readSamples } from "../planning/estimate.ts";
import { runLab } from "../run-lab.ts";
import { atTerminal } from "../terminal/terminal-fixture.ts";

const GOOD = '{"tMs":0,"bytes":1000,"elapsedMs":30,"serverMs":5}';

test("samples on standard input give one line each, the first without a prediction", () => {
  const samples = Array.from({ length: 12 }, (_, at) => {
    const bytes = at % 2 === 0 ? 500 : 60_000;
    return JSON.stringify({ tMs: 400 * at, bytes, elapsedMs: 40 + bytes / 1000 + 7, serverMs: 7 });
  });
  const { status, stdout, stderr } = lab(samples.join("\n"));
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as EstimateLine);
  expect(lines.map(({ predictedMs }) => predictedMs === null)).toEqual(samples.map((_, at) => at === 0));
  const { rttMs, uplinkBps, predictedMs } = lines.at(-1)!;
  expect(rttMs / 40).toBeCloseTo(1, 1);
  expect(uplinkBps / 8e6).toBeCloseTo(1, 1);
  expect(predictedMs!.p50 / 100).toBeCloseTo(1, 1);
  expect(predictedMs!.p025).toBeLessThan(98);
  expect(predictedMs!.p975).toBeGreaterThan(102);
});

test("a bad sample ends with code 2, one line that names it, and nothing printed", async () => {
  const { status, stdout, stderr } = await atTerminal(
    () => runLab(["estimate", "-"]),
    `${GOOD}\n\n{"tMs":1,"bytes":-1,"elapsedMs":3,"serverMs":0}\n`,
  );
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toBe("line 3, bytes: expected a finite number, 0 or above, got -1\n");
});

test("whatever is wrong with a sample, its line and field are told", () => {
  const wrong: [string, RegExp][] = [
    ["", /^line 1: expected a sample/],
    ["\n  \n", /^line 1: expected a sample/],
    ["{", /^line 1: expected JSON/],
    ["[]", /^line 1: expected an object/],
    ["null", /^line 1: expected an object/],
    [GOOD.replace("0,", "1e999,"), /^line 1, tMs: .* got Infinity$/],
    [GOOD.replace('"elapsedMs":30,', ""), /^line 1, elapsedMs: .* got nothing$/],
    [GOOD.replace("30", '"30"'), /^line 1, elapsedMs: .* got "30"$/],
    [GOOD.replace("5}", "31}"), /^line 1, elapsedMs: expected serverMs \(31\) or more, got 30$/],
    [`${GOOD}\n${GOOD.replace("5}", "null}")}`, /^line 2, serverMs: /],
  ];
  for (const [text, message] of wrong) expect(() => readSamples(text), text).toThrow(message);
  expect(readSamples(`\uFEFF${GOOD}\r\n${GOOD}`)).toHaveLength(2);
});

/** Runs the command as a user does. */
function lab(input: string): { status: number | null; stdout: string; stderr: string } {
  const args = ["--import", "tsx", "apps/lab/main.ts", "estimate", "-"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { input, encoding: "utf8" });
  return { status, stdout, stderr };
}
