import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import { capacityOf } from "../../rig/rate.ts";
import { FORMAT_NAMES, parseTrace, readTrace } from "./read-trace.ts";

const step = (durationMs: number, bps: number) => ({ durationMs, bps });

const UCC_HEADER = "Timestamp,Speed,DL_bitrate,UL_bitrate,State,PINGAVG,PINGLOSS";
/** A second of the logger's table. */
const uccRow = (second: number, kbps: number | string, state = "D", ping: number | string = "-"): string =>
  `2019.12.16_12.59.${String(second).padStart(2, "0")},0,${kbps},8,${state},${ping},-`;

/** Of each format: a small file, and what is read from it. */
const SMALL = {
  "norway-3g-hsdpa/a.json": {
    text: `[
  {"duration_ms": 1013, "bandwidth_kbps": 1285, "latency_ms": 100},
  {"duration_ms": 990, "bandwidth_kbps": 0, "latency_ms": 100}, {"duration_ms": 5.5,
   "bandwidth_kbps": 0.5, "latency_ms": 100}
]
`,
    steps: [step(1013, 1_285_000), step(990, 0), step(5.5, 500)],
    direction: "downlink",
  },
  "mahimahi-us-cellular/b.up": {
    // Two packets in the first second, none in the next two, then three, one of them at the very end.
    text: "7\n7\n3000\n3001\n3500\n",
    steps: [step(1000, 24_000), step(2000, 0), step(500, 72_000)],
    direction: "uplink",
  },
  "nyu-mets-lte/c.csv": {
    text: "0.57,Mbits/sec\r\n860,Kbits/sec\r\n0,bits/sec\r\n1.5,Gbits/sec\r\n",
    steps: [step(1000, 570_000), step(1000, 860_000), step(1000, 0), step(1000, 1.5e9)],
    direction: "not stated",
  },
  "puffer-home-broadband/d.txt": {
    text: "0.0\t3.5\n0.5\t3.25\n2.5\t0\n3.5\t1\n",
    // The last one holds for the usual time.
    steps: [step(500, 3_500_000), step(2000, 3_250_000), step(1000, 0), step(1000, 1_000_000)],
    direction: "downlink",
  },
  "zhuge-wifi-5g/e.pitree-trace": {
    text: "900.25 374.5\n900.5 0.25\n903.5 8\n903.75 9\n",
    steps: [step(250, 374_500_000), step(3000, 250_000), step(250, 8e6), step(250, 9e6)],
    direction: "not stated",
  },
  "ucc-5g-ireland/f.csv": {
    text: [
      UCC_HEADER,
      uccRow(1, 30),
      uccRow(1, 31),
      uccRow(2, 0, "I"),
      uccRow(3, 7),
      // Beside the ping: from 4 to 6.
      uccRow(4, 9),
      uccRow(5, 2, "D", 81),
      uccRow(5, 3),
      uccRow(6, 4),
      uccRow(7, 0),
      uccRow(9, 20),
    ].join("\n"),
    steps: [step(1000, 30_000), step(1000, 31_000), step(1000, 7000), step(1000, 0), step(1000, 20_000)],
    rtt: [{ atMs: 3000, rttMs: 81 }],
    direction: "downlink",
  },
} as const;

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(path.join(tmpdir(), "eddi-traces-"));
});
afterAll(() => rmSync(scratch, { recursive: true }));

test.each(Object.entries(SMALL))("%s is read as its folder says", (file, small) => {
  const trace = parseTrace(path.join("/data/traces", file), small.text);
  expect(trace.steps).toEqual(small.steps);
  expect(trace.durationMs).toBe(small.steps.reduce((sum, { durationMs }) => sum + durationMs, 0));
  expect(trace.rtt).toEqual("rtt" in small ? small.rtt : null);
  expect([trace.name, trace.direction, trace.format]).toEqual([
    file,
    small.direction,
    file.split("/")[0]!.replace("norway-3g-hsdpa", "belgium-4g-lte"),
  ]);
  // It can be played: what comes in a round is what the steps say.
  const bits = trace.steps.reduce((sum, { durationMs, bps }) => sum + (durationMs * bps) / 1000, 0);
  expect(capacityOf(trace.steps).bitsAt(3 * trace.durationMs)).toBeCloseTo(3 * bits, 3);
});

test.each(Object.entries(SMALL))("%s is read anywhere with --format", (file, { text, steps }) => {
  const folder = file.split("/")[0]!;
  for (const named of [folder, folder.split("-")[0]!]) {
    expect(parseTrace("trace.dat", text, named).steps).toEqual(steps);
  }
  // The option goes before the folder.
  expect(parseTrace("/traces/ucc-5g-ireland/x", text, folder).steps).toEqual(steps);
});

test("content or ending tells a format where no other one could have it", () => {
  const { "puffer-home-broadband/d.txt": puffer, ...others } = SMALL;
  for (const [file, { text, steps }] of Object.entries(others)) {
    const name = file.startsWith("zhuge") ? "mine.pitree-trace" : "mine.dat";
    expect(parseTrace(name, text).steps, file).toEqual(steps);
  }
  // Seconds and Mbit/s: as a time and a rate or, for `lab proxy`, as a duration and a rate.
  expect(() => parseTrace("mine.txt", puffer.text)).toThrow(
    `mine.txt, line 1: expected a line that tells the trace's format (--format names it: ${FORMAT_NAMES.join(", ")}), got 0.0\t3.5`,
  );
});

test("trailing blank lines, a byte order mark and any line ends are no matter", () => {
  for (const [file, { text, steps }] of Object.entries(SMALL)) {
    const dressed = `\uFEFF${text.trimEnd().replace(/\r?\n/g, "\r\n")}\r\n \r\n\n`;
    expect(parseTrace(path.join("/t", file), dressed).steps, file).toEqual(steps);
  }
});

/** By file: what spoils it, the line that is named, and what is expected there. */
const MALFORMED: Readonly<Record<string, readonly (readonly [string, number, string])[]>> = {
  "belgium-4g-lte/a.json": [
    ["", 1, "a trace, got an empty file"],
    [" \n\n", 1, "a trace, got an empty file"],
    ["[]", 1, "an object {...}, got ]"],
    ["{}", 1, "[, the beginning of an array, got {}"],
    ['[\n{"duration_ms": 1, "bandwidth_kbps": 2},', 2, "an object {...}, got the end of the file"],
    ['[\n{"duration_ms": 1, "bandwidth_kbps": 2},\n{"durat', 3, 'an object {...}, got {"durat'],
    ['[\n{"duration_ms": 1, "bandwidth_kbps": 2}', 2, ", or ] behind an object, got the end of the file"],
    ['[\n{"duration_ms": 1, "bandwidth_kbps": 2}] 5', 2, "nothing behind the array, got 5"],
    ['[{"duration_ms": 1,\n"bandwidth_kbps": NaN}]', 1, "an object in JSON, got {"],
    [
      '[{"duration_ms": 1, "bandwidth_kbps": 1},\n\n {"duration_ms": 1}]',
      3,
      "bandwidth_kbps, a number of 0 or above, got nothing",
    ],
    ['[\n{"duration_ms": 1, "bandwidth_kbps": -2}]', 2, "bandwidth_kbps, a number of 0 or above, got -2"],
    ['[\n{"duration_ms": 1, "bandwidth_kbps": "2"}]', 2, 'bandwidth_kbps, a number, got "2"'],
    ['[\n{"duration_ms": 0, "bandwidth_kbps": 2}]', 2, "duration_ms above 0, got 0"],
    [
      '[\n{"duration_ms": 1e999, "bandwidth_kbps": 2}]',
      2,
      "duration_ms, a number of 0 or above, got Infinity",
    ],
    [
      '[\n{"duration_ms": 5, "bandwidth_kbps": 0},\n{"duration_ms": 5, "bandwidth_kbps": 0}\n]',
      4,
      "some bandwidth above 0",
    ],
  ],
  "mahimahi-us-cellular/b.down": [
    ["", 1, "a trace, got an empty file"],
    ["1\n2\nx", 3, "a time in whole ms, got x"],
    ["1\nNaN", 2, "a time in whole ms, got NaN"],
    ["1\n\n2", 2, "a time in whole ms, got "],
    ["1\n-2", 2, "a time in whole ms, got -2"],
    ["1\n2.5", 2, "a time in whole ms, got 2.5"],
    ["1\n99999999999999999", 2, "a time in whole ms, got 99999999999999999"],
    ["5\n9\n8", 3, "a time of 9 ms or later, got 8"],
    ["0\n0", 2, "a last time above 0, got 0"],
  ],
  "nyu-mets-lte/c.csv": [
    ["", 1, "a trace, got an empty file"],
    ["1,Mbits/sec\n2,MBytes/sec", 2, "a unit of bits/sec, Kbits/sec, Mbits/sec, Gbits/sec, got MBytes/sec"],
    ["1,Mbits/sec\n2", 2, "VALUE,UNIT, got 2"],
    ["1,Mbits/sec\n2,3,Mbits/sec", 2, "VALUE,UNIT, got 2,3,Mbits/sec"],
    ["nan,Mbits/sec", 1, "bandwidth in Mbits/sec, a number of 0 or above, got nan"],
    ["-1,Mbits/sec", 1, "bandwidth in Mbits/sec, a number of 0 or above, got -1"],
    ["1e308,Gbits/sec", 1, "bandwidth in Gbits/sec, a number of 0 or above, got 1e308"],
    ["0,Mbits/sec\n0,Kbits/sec", 2, "some bandwidth above 0"],
  ],
  "puffer-home-broadband/d.txt": [
    ["", 1, "a trace, got an empty file"],
    ["0 1", 1, "a second line behind it, got the end of the file"],
    ["0 1\n1", 2, "SECONDS MBIT, a time and the bandwidth from then on, got 1"],
    ["0 1\n\n1 2", 2, "SECONDS MBIT, a time and the bandwidth from then on, got an empty line"],
    ["0 1\n1 2 3", 2, "SECONDS MBIT, a time and the bandwidth from then on, got 1 2 3"],
    ["0 1\n1 0x10", 2, "bandwidth in Mbit/s, a number of 0 or above, got 0x10"],
    ["0 1\n1 Infinity", 2, "bandwidth in Mbit/s, a number of 0 or above, got Infinity"],
    ["0 1\n2 1\n1 1", 3, "a time later than 2 s, got 1"],
    ["0 1\n2 1\n2 1", 3, "a time later than 2 s, got 2"],
    ["0 0\n1 0", 2, "some bandwidth above 0"],
  ],
  "zhuge-wifi-5g/e.pitree-trace": [
    ["", 1, "a trace, got an empty file"],
    ["900.2 -4", 1, "bandwidth in Mbit/s, a number of 0 or above, got -4"],
    ["900.2 4\n900.1 4", 2, "a time later than 900.2 s, got 900.1"],
    ["-900.2 4\n1 4", 1, "time in seconds, a number of 0 or above, got -900.2"],
    ["900.2 NaN\n1 4", 1, "bandwidth in Mbit/s, a number of 0 or above, got NaN"],
  ],
  "ucc-5g-ireland/f.csv": [
    ["", 1, "a trace, got an empty file"],
    [UCC_HEADER, 1, "some bandwidth above 0"],
    [UCC_HEADER.replace("DL_bitrate", "DL"), 1, "a column DL_bitrate, got Timestamp"],
    [`${UCC_HEADER}\n${uccRow(1, 5)},6`, 2, "7 columns, got 8"],
    [`${UCC_HEADER}\n${uccRow(1, "-")}`, 2, "DL_bitrate in kbit/s, a number of 0 or above, got -"],
    [`${UCC_HEADER}\n${uccRow(1, -5)}`, 2, "DL_bitrate in kbit/s, a number of 0 or above, got -5"],
    [`${UCC_HEADER}\n${uccRow(1, 5, "D", "NaN")}`, 2, "PINGAVG in ms, a number of 0 or above, got NaN"],
    [
      `${UCC_HEADER}\n${uccRow(2, 5)}\n${uccRow(1, 5)}`,
      3,
      "a time not before that of the line above, got 2019",
    ],
    [
      `${UCC_HEADER}\n${uccRow(61, 5)}`,
      2,
      "a Timestamp such as 2019.12.16_12.27.05, got 2019.12.16_12.59.61",
    ],
    // All idle or beside a ping.
    [`${UCC_HEADER}\n${uccRow(1, 5, "I")}\n${uccRow(2, 5, "D", 80)}`, 3, "some bandwidth above 0"],
  ],
};

const CASES = Object.entries(MALFORMED).flatMap(([file, cases]) =>
  cases.map(([text, line, expected]) => ({ file, text, line, expected })),
);

test.each(CASES)("$file, malformed: $expected", ({ file, text, line, expected }) => {
  expect(messageOf(() => parseTrace(`/traces/${file}`, text))).toContain(
    `/traces/${file}, line ${line}: expected ${expected}`,
  );
});

test("any file cut short anywhere is read in part or refused with its line, nothing else", () => {
  for (const [file, { text }] of Object.entries(SMALL)) {
    for (let length = 0; length < text.length; length++) {
      try {
        parseTrace(`/traces/${file}`, text.slice(0, length));
      } catch (error) {
        expect(error, `${file} ${length}`).toBeInstanceOf(EddiError);
        expect((error as EddiError).message, `${file} ${length}`).toMatch(
          /^\/traces\/.*, line \d+: expected /,
        );
      }
    }
  }
});

test("a file that is not there, a folder, and an unknown format are named", async () => {
  await expect(readTrace(path.join(scratch, "none.up"))).rejects.toThrow(
    new EddiError("not-found", `expected a trace at ${scratch}/none.up, got none`),
  );
  await expect(readTrace(scratch)).rejects.toThrow(/^expected a trace at .*, got EISDIR/);
  const file = path.join(scratch, "a.up");
  writeFileSync(file, "7\n");
  await expect(readTrace(file, "pcap")).rejects.toThrow(
    "--format: expected one of belgium, mahimahi, norway, nyu, puffer, ucc, zhuge, got pcap",
  );
  expect(await readTrace(file)).toMatchObject({ durationMs: 7, steps: [step(7, 12_000_000 / 7)] });
});

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(EddiError);
    expect((error as EddiError).code).toBe("bad-argument");
    return (error as EddiError).message;
  }
  return "nothing was thrown";
}
