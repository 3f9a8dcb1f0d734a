import { afterEach, expect, test, vi } from "vitest";
import { readableLine, runStep } from "./terminal.mjs";

afterEach(() => {
  vi.restoreAllMocks();
});

const entry = (fields: object): string => JSON.stringify({ time: 1, pid: 2, hostname: "h", ...fields });

test("what is a matter of course, and the configuration, say nothing to a person", () => {
  expect(readableLine(entry({ level: 30, msg: "ready 900 ms after the start" }))).toBeUndefined();
  expect(readableLine(entry({ level: 30, settings: { port: 1 }, msg: "configuration" }), 0)).toBeUndefined();
});

test("warnings and errors are told in words, with their cause", () => {
  expect(readableLine(entry({ level: 40, msg: "keys: as before" }))).toBe("warning: keys: as before");
  expect(readableLine(entry({ level: 50, msg: "a worker ended", err: { message: "out of memory" } }))).toBe(
    "error: a worker ended (out of memory)",
  );
  expect(readableLine(entry({ level: 50, msg: "no disk", err: { message: "no disk" } }))).toBe(
    "error: no disk",
  );
  expect(readableLine(entry({ level: 30, msg: "model tiny: ready" }), 0)).toBe("model tiny: ready");
});

test("what is no line of the log passes as it is", () => {
  for (const line of ["", "Segmentation fault", "{", '{"port":1}', '{"level":"high"}']) {
    expect(readableLine(line)).toBe(line);
  }
});

const program = (code: string) => [process.execPath, ["-e", code], { cwd: process.cwd() }] as const;

test("on a terminal a step is one line, and its output is shown only where it fails", async () => {
  const out = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const err = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  expect(await runStep("building", ...program("console.log('42 modules')"), true)).toBe(true);
  const said = out.mock.calls.join("");
  expect(said).toMatch(/^building \.\.\. 0 s\r(.*\r)*building \.\.\. \d+ s\n$/);
  expect(err).not.toHaveBeenCalled();

  expect(await runStep("building", ...program("console.error('no such file'); process.exit(3)"), true)).toBe(
    false,
  );
  expect(out.mock.calls.join("")).toMatch(/building \.\.\. \d+ s, failed\n$/);
  expect(err.mock.calls.join("")).toBe("no such file\n");
});

test("elsewhere a step is told and its output passes; one that cannot start has failed, and says why", async () => {
  const log = vi.spyOn(console, "log").mockReturnValue();
  const error = vi.spyOn(console, "error").mockReturnValue();
  expect(await runStep("building", ...program("process.exit(1)"), false)).toBe(false);
  expect(log.mock.calls).toEqual([["building"]]);
  for (const isTerminal of [false, true]) {
    vi.spyOn(process.stdout, "write").mockReturnValue(true);
    expect(await runStep("building", "/no/such/program", [], { cwd: process.cwd() }, isTerminal)).toBe(false);
  }
  expect(error.mock.calls).toHaveLength(2);
  expect(error.mock.calls[0]![0]).toContain("ENOENT");
});
