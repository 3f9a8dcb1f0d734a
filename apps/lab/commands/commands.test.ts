import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { runLab } from "../run-lab.ts";
import { atTerminal } from "../terminal/terminal-fixture.ts";
import { command } from "./command.ts";
import { flag, number, oneOf, optional, parsed, required, text, whole } from "./option.ts";
import { COMMANDS } from "./table.ts";

let written: MockInstance<typeof process.stdout.write>;
beforeEach(() => {
  written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
});
afterEach(() => {
  written.mockRestore();
});

/** What every command keeps. */
describe.each(Object.entries(COMMANDS))("lab %s", (name, { load, purpose }) => {
  /** By option: what stands for its value. */
  const optionsOf = (help: string): readonly (readonly [string, string | undefined])[] =>
    [...help.matchAll(/^ {2}(--[\w-]+)(?: (\[?[A-Z]\S*))?(?= {2}|$)/gm)].map(([, one, value]) => [
      one!,
      value,
    ]);

  test("--help says how it is called, what it does and what its options are, and does nothing", async () => {
    const lab = await load();
    expect(lab.name).toBe(name);
    expect(purpose).toMatch(/^[a-z]/);
    for (const ask of [["--help"], ["-h"], ["somewhere", "--help", "--colour"]]) {
      written.mockClear();
      await lab.run(ask);
      expect(written.mock.calls).toEqual([[lab.help]]);
    }
    expect(lab.help).toMatch(new RegExp(`^npm run (-s )?(lab -- )?${name}\\b.* \\[options\\]\\n\\n`));
    expect(optionsOf(lab.help).map(([option]) => option)).toContain("--help");
    expect(lab.help.split("\n").filter((line) => line.length > 120)).toEqual([]);
  });

  test("an option that it does not know is told, with those it knows", async () => {
    const lab = await load();
    const known = optionsOf(lab.help).map(([option]) => option);
    for (const option of ["--colour", "-x", "--no-help", "--constructor"]) {
      const refused = { code: "bad-argument", message: `expected one of ${known.join(", ")}, got ${option}` };
      await expect(lab.run(["tiny", option]), option).rejects.toMatchObject(refused);
    }
  });

  test("a value too many or missing, and a number that is none, are told", async () => {
    const lab = await load();
    for (const [option, value] of optionsOf(lab.help)) {
      // One whose value stands in brackets may go without.
      if (option === "--help" || value?.startsWith("[")) continue;
      const cases: [readonly string[], string][] =
        value === undefined
          ? [[[`${option}=yes`], `${option}: expected no value, got yes`]]
          : [[[option], `${option}: expected ${value}, got none`]];
      if (value === "N") cases.push([[option, "few"], `${option}: expected a `]);
      for (const [args, message] of cases) {
        const refused = { code: "bad-argument", message: expect.stringContaining(message) };
        await expect(lab.run(["tiny", ...args]), args.join(" ")).rejects.toMatchObject(refused);
      }
    }
  });

  test("arguments too many, or none where one is needed, are told", async () => {
    const lab = await load();
    const needs = { message: expect.stringMatching(/expected .*got/) };
    await expect(lab.run(["tiny", "tiny", "tiny"])).rejects.toMatchObject({ code: "bad-argument", ...needs });
    const takes = /^npm run \S+(?: \S+)*? (\[?)([A-Z][A-Z|]+) \[options\]/.exec(lab.help);
    if (takes === null || takes[1] === "[") return;
    await expect(lab.run([])).rejects.toMatchObject({ code: "bad-argument", ...needs });
  });
});

describe("command", () => {
  const given: unknown[] = [];
  const lab = command({
    name: "try",
    about: "Tries.",
    argument: optional({ name: "MODEL", help: "any", read: (name) => name.toUpperCase() }),
    options: {
      out: text("FILE", "where to"),
      photos: whole("so many", 1, 20),
      share: number("S", "of all", [0, 1], 0.5),
      range: parsed("LO,HI", "of pixels", (range) => range.split(",").map(Number), "0,1"),
      codec: oneOf("NAME", ["a", "b"], "which", "a"),
      id: required(text("ID", "its name")),
      json: flag("print JSON"),
    },
    rest: "elsewhere",
    run: async ({ argument, options, rest }) => {
      given.push({ argument, ...options, rest });
    },
  });

  test("reads what is given, and what is not is as usual", async () => {
    await lab.run(["--id", "x"]);
    const usual = { argument: null, out: undefined, photos: 20, share: 0.5, range: [0, 1], codec: "a" };
    expect(given.pop()).toEqual({ ...usual, id: "x", json: false, rest: [] });
    // A value may begin with a minus, and the last of several counts.
    const args = ["m", "--range", "-1,1", "--photos=3", "--photos", "4", "--json", "--id=-", "--out", "-"];
    await lab.run([...args, "--", "--photos", "few"]);
    const own = {
      argument: "M",
      out: "-",
      photos: 4,
      range: [-1, 1],
      id: "-",
      json: true,
      rest: ["--photos", "few"],
    };
    expect(given.pop()).toEqual({ ...usual, ...own });
  });

  test.each([
    [["--id"], "--id: expected ID, got none"],
    [[], "--id: expected ID, got none"],
    [["--id", "--json"], "--id: expected ID, got --json"],
    [["--id", "x", "--photos", "0"], "--photos: expected a whole number of at least 1, got 0"],
    [["--id", "x", "--photos", "1.5"], "--photos: expected a whole number of at least 1, got 1.5"],
    [["--id", "x", "--photos="], "--photos: expected a whole number of at least 1, got "],
    [["--id", "x", "--share", "2"], "--share: expected a number from 0 to 1, got 2"],
    [["--id", "x", "--share", "-0.1"], "--share: expected a number from 0 to 1, got -0.1"],
    [["--id", "x", "--codec", "c"], "--codec: expected one of a, b, got c"],
    [["--id", "x", "--json=1"], "--json: expected no value, got 1"],
    [["--id", "x", "m", "n"], "expected one MODEL, got m n"],
  ])("%j is refused", async (args, message) => {
    await expect(lab.run(args)).rejects.toMatchObject({ code: "bad-argument", message });
    expect(given).toEqual([]);
  });

  test("help tells what each is where it is not given", () => {
    expect(lab.help).toBe(`npm run lab -- try [MODEL] [options]

Tries.

  MODEL           any
  --out FILE      where to
  --photos N      so many (default 20)
  --share S       of all (default 0.5)
  --range LO,HI   of pixels (default 0,1)
  --codec NAME    which (default a)
  --id ID         its name
  --json          print JSON
  --help          print this
  -- ...          elsewhere
`);
  });
});

describe("lab", () => {
  test("alone, as a process, lists every command", () => {
    const args = ["--import", "tsx", "apps/lab/main.ts"];
    expectAll(spawnSync(process.execPath, args, { encoding: "utf8" }));
  });

  test("with --help it does so too", async () => {
    expectAll(await atTerminal(() => runLab(["--help"])));
  });

  function expectAll({ status, stdout, stderr }: { status: number | null; stdout: string; stderr: string }) {
    expect([status, stderr]).toEqual([0, ""]);
    for (const [name, { purpose }] of Object.entries(COMMANDS)) {
      expect(stdout).toMatch(new RegExp(`^  ${name} +${purpose}$`, "m"));
    }
  }

  test.each([
    [["toString"], /^expected one of data, train, .*, got toString$/],
    [["--colour"], /^expected one of data, train, .*, got --colour$/],
    [["graph"], /^expected MODEL, got none; lab graph --help says more$/],
    [["graph", "tiny", "--colour"], /^expected one of --out, --json, --help, got --colour$/],
  ])("%j is one line on standard error, and exit code 2", async (args, message) => {
    const { status, stdout, stderr } = await atTerminal(() => runLab(args));
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr.trimEnd()).toMatch(message);
  });
});

describe("codecs that are trained along", () => {
  const run = async (...args: string[]) => {
    const lab = await COMMANDS[args[0]!]!.load();
    return lab.run(args.slice(1));
  };

  test("are refused before photos are looked for where an architecture has no detour", async () => {
    const message = "--codec: expected an architecture with a detour, got alexnet-cifar10";
    const args = [
      "train",
      "alexnet-cifar10",
      "--codec",
      "700",
      "--checkpoints",
      "/nowhere",
      "--data",
      "/nowhere",
    ];
    await expect(run(...args)).rejects.toMatchObject({ code: "bad-argument", message });
  });

  test("are stored as they were trained: nothing that says how stands beside", async () => {
    const message = "--trained-along: expected no options of a training beside it, got --bytes, --resume";
    const args = [
      "tiny",
      "--tensor",
      "block2/concat",
      "--trained-along",
      "/nowhere",
      "--bytes",
      "9",
      "--resume",
    ];
    await expect(run("train-codec", ...args)).rejects.toMatchObject({ code: "bad-argument", message });
  });
});
