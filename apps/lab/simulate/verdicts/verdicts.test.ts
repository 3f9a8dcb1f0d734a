import { cp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { brotliCompressSync, brotliDecompressSync } from "node:zlib";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { EddiError } from "#shared/errors";
import type { Model } from "#shared/model";
import { randomFrom } from "#shared/random";
import { fixtureModel } from "../../../../shared/model/fixture.ts";
import { temporaryFolder, writeMiniImagenette } from "../../data/fixture.ts";
import { reportedOnes } from "../../data/halves.ts";
import { IMAGENETTE_CLASSES } from "../../data/imagenette.ts";
import { evaluateExits } from "../../evaluate/evaluate-exits.ts";
import { topClasses } from "../../evaluate/exit-scores.ts";
import { drawnScores } from "../../evaluate/fixture.ts";
import { tryPolicy } from "../../evaluate/policies.ts";
import { verdictsOf } from "../../evaluate/temperature.ts";
import { readModelFolder } from "../../files/model-folder.ts";
import { runLab } from "../../run-lab.ts";
import { atTerminal } from "../../terminal/terminal-fixture.ts";
import { levelsOf, recordVerdicts } from "./record-verdicts.ts";
import { readVerdicts, VERDICTS_FILE } from "./verdicts.ts";

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  scratch = await temporaryFolder();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await scratch.remove();
});

const SHIPPED = (await readdir("models", { withFileTypes: true })).filter((entry) => entry.isDirectory());

test.each(SHIPPED.map(({ name }) => name))(
  "%s: accuracies and policies follow from its verdicts",
  async (id) => {
    const folder = path.join("models", id);
    const model = await readModelFolder(folder);
    const { exits, policies = [] } = model.metadata;
    const verdicts = await readVerdicts(folder, model);
    for (const [at, { accuracy }] of exits.entries()) {
      const right = verdicts.exits[at]!.right.filter(Boolean).length;
      // Untrained ones have none in their metadata.
      if (accuracy !== null) expect(right / verdicts.photos).toBe(accuracy);
      else expect(right / verdicts.photos).toBeLessThan(2 / model.metadata.labels.length);
    }
    for (const policy of policies) {
      const { chosen: _, ...reported } = policy;
      expect(tryPolicy(model, verdicts.exits, policy.exit, policy.early).policy).toEqual(reported);
    }
    expect((await stat(path.join(folder, VERDICTS_FILE))).size).toBeLessThan(60_000);
  },
);

test("the shipped models' exits are right on the same photos more often than by chance", async () => {
  const model = await readModelFolder("models/resnet-imagenette");
  const { exits, photos } = await readVerdicts("models/resnet-imagenette", model);
  const [first, last] = [exits[0]!.right, exits.at(-1)!.right];
  const share = (of: (photo: number) => boolean): number =>
    Array.from({ length: photos }, (_, photo) => of(photo)).filter(Boolean).length / photos;
  const together = share((photo) => !first[photo] && !last[photo]);
  const apart = share((photo) => !first[photo]) * share((photo) => !last[photo]);
  expect(together).toBeGreaterThan(3 * apart);
});

/** The fixture's model with ten classes, so that drawn scores fit it, and a policy that asks two exits. */
const model = fixtureModel((file) => {
  const { eddi } = file.userDefinedMetadata;
  const [early, middle, full] = eddi.exits.map(({ id }) => id);
  Object.assign(eddi, {
    labels: Array.from({ length: 10 }, (_, at) => `class ${at}`),
    exits: eddi.exits.map((exit, at) => ({ ...exit, temperature: [0.7, 1, 1.3][at]! })),
    policies: [
      {
        exit: full,
        // With more decimals than levels have.
        early: [
          { exit: early, threshold: 0.612345678 },
          { exit: middle, threshold: 0.9 },
        ],
        reach: [0.5, 0.4],
        accuracy: 0.8,
      },
    ],
  });
});
const scores = drawnScores(3000, [0.7, 1, 1.3], 5);

test("what was recorded is read: classes as they are, confidences in levels", async () => {
  const { file, bytes } = await recordVerdicts(scratch.folder, model, scores);
  expect((await stat(file)).size).toBe(bytes);
  const verdicts = await readVerdicts(scratch.folder, model);
  const { exits } = model.metadata;
  expect([verdicts.model, verdicts.version, verdicts.photos]).toEqual([
    model.metadata.id,
    model.version,
    3000,
  ]);
  expect([...verdicts.labels]).toEqual([...scores.labels]);
  const results = evaluateExits(exits, scores);
  for (const [at, { exit, predicted, right, confidence }] of verdicts.exits.entries()) {
    expect(exit).toBe(exits[at]!.id);
    expect([...predicted]).toEqual(topClasses(scores, at));
    expect(right.filter(Boolean).length).toBe(results[at]!.correct);
    const exact = verdictsOf(scores, at, exits[at]!.temperature!).confidence;
    expect(new Set(confidence).size).toBeGreaterThan(100);
    // Between ten of the 3,000 photos there is little room.
    expect(Math.max(...confidence.map((told, photo) => Math.abs(told - exact[photo]!)))).toBeLessThan(0.05);
    const mean = (values: Float64Array) => values.reduce((a, b) => a + b) / 3000;
    expect(Math.abs(mean(confidence) - mean(exact))).toBeLessThan(1e-4);
  }
  const exactly = exits.map(({ temperature }, at) => verdictsOf(scores, at, temperature!));
  const { exit, early } = model.metadata.policies![0]!;
  const tried = tryPolicy(model, verdicts.exits, exit, early);
  expect(tried).toEqual(tryPolicy(model, exactly, exit, early));
});

test("levels are on the same side of every threshold as what they stand for", () => {
  const random = randomFrom(7);
  for (let round = 0; round < 200; round++) {
    const photos = 1 + Math.floor(random() * 2000);
    // Some all alike, some with long tails towards 1.
    const shape = 10 * random();
    const confidence = Float64Array.from({ length: photos }, () =>
      round % 10 === 0 ? 0.5 : 1 - random() ** shape,
    );
    const thresholds = Array.from({ length: Math.floor(random() * 60) }, (_, at) =>
      at % 3 === 0 ? confidence[Math.floor(random() * photos)]! : Number(random().toFixed(1 + (at % 6))),
    );
    const { values, level } = levelsOf(confidence, thresholds);
    expect(values.length).toBeLessThanOrEqual(256);
    expect([...values].sort((a, b) => a - b)).toEqual(values);
    for (const [photo, exact] of confidence.entries()) {
      const told = values[level[photo]!]!;
      expect(thresholds.filter((t) => told >= t).length).toBe(thresholds.filter((t) => exact >= t).length);
    }
  }
});

test("more thresholds than levels and scores that are none are refused", async () => {
  const many = Array.from({ length: 256 }, (_, at) => (at + 1) / 300);
  expect(() => levelsOf(Float64Array.of(0.5), many)).toThrow(
    "expected at most 255 thresholds of an exit, got 256",
  );
  expect(levelsOf(Float64Array.of(0.5), many.slice(1)).values).toEqual([0.5]);
  const spoiled = { ...scores, scores: scores.scores.map((one) => one.slice()) };
  spoiled.scores[1]![10 * 42 + 3] = Number.NaN;
  await expect(recordVerdicts(scratch.folder, model, spoiled)).rejects.toThrow(
    `${model.metadata.exits[1]!.id}: expected scores, got NaN for photo 42`,
  );
});

const REMAKE = /; `npm run lab -- evaluate \S+ --verdicts` records them( anew)?$/;

test("missing verdicts are refused with the command that records them", async () => {
  const missing = readVerdicts("models/none", model);
  await expect(missing).rejects.toMatchObject({ code: "not-found" });
  await expect(missing).rejects.toThrow(
    "expected recorded verdicts at models/none/verdicts.bin, got none; " +
      "`npm run lab -- evaluate none --verdicts` records them",
  );
});

test("verdicts of another version are refused with the command that records them anew", async () => {
  await recordVerdicts(scratch.folder, model, scores);
  const other: Model = { ...model, version: "0123456789abcdef" };
  const stale = readVerdicts(scratch.folder, other);
  await expect(stale).rejects.toMatchObject({ code: "bad-model" });
  await expect(stale).rejects.toThrow(
    `expected verdicts of version 0123456789abcdef, the model's, got those of version ${model.version}; ` +
      `\`npm run lab -- evaluate ${scratch.folder} --verdicts\` records them anew`,
  );
});

test("damaged verdicts are refused, whatever is wrong with them", async () => {
  const { file } = await recordVerdicts(scratch.folder, model, scores);
  const bytes = await readFile(file);
  const plain = brotliDecompressSync(bytes);
  const header = JSON.parse(plain.subarray(0, plain.indexOf("\n")).toString());
  const data: Uint8Array = plain.subarray(plain.indexOf("\n") + 1);
  const packed = (changed: unknown, behind = data): Buffer =>
    brotliCompressSync(Buffer.concat([Buffer.from(`${JSON.stringify(changed)}\n`), behind]), {
      params: { 1: 1 },
    });
  const { exits } = header as { exits: { exit: string; levels: number[] }[] };
  const spoiled = (at: number, value: number): typeof data => {
    const copy = Uint8Array.from(data);
    copy[at] = value;
    return copy;
  };
  const cases: readonly (readonly [Uint8Array, RegExp])[] = [
    [new Uint8Array(), /expected a Brotli stream/],
    [bytes.subarray(0, 5000), /expected a Brotli stream/],
    [Buffer.from("no verdicts"), /expected a Brotli stream/],
    [brotliCompressSync(Buffer.from("hello")), /expected a first line of JSON/],
    [packed(null), /expected format 1, got undefined/],
    [packed({ ...header, format: 2 }), /expected format 1, got 2/],
    [packed({ ...header, model: "other" }), /expected verdicts of \S+, got those of other/],
    [packed({ ...header, photos: 2999 }), /expected 32989 bytes of 2999 photos, got 33000/],
    [packed({ ...header, photos: -1 }), /expected a number of photos, got -1/],
    [packed(header, data.subarray(0, -1)), /expected 33000 bytes of 3000 photos, got 32999/],
    [packed({ ...header, exits: exits.slice(1) }), /expected exits early, middle, full, got middle, full/],
    [packed({ ...header, exits: null }), /expected exits early, middle, full, got none/],
    [
      packed({ ...header, exits: exits.map((one) => ({ ...one, levels: [0, 2] })) }),
      /expected levels of early in 0..1/,
    ],
    [
      packed({ ...header, exits: exits.map((one) => ({ ...one, levels: null })) }),
      /expected levels of early in 0..1/,
    ],
    [
      packed({ ...header, exits: exits.map((one) => ({ ...one, levels: [0.5] })) }),
      /expected levels below 1, got \d+/,
    ],
    [packed(header, spoiled(0, 10)), /expected classes below 10, got 10/],
    [packed(header, spoiled(6000, 77)), /expected classes below 10, got 77/],
  ];
  for (const [damaged, expected] of cases) {
    await writeFile(file, damaged);
    const refused = readVerdicts(scratch.folder, model);
    await expect(refused).rejects.toBeInstanceOf(EddiError);
    await expect(refused).rejects.toThrow(expected);
    await expect(refused).rejects.toThrow(REMAKE);
  }
});

test("lab evaluate --verdicts records; what --write then changes makes them stale", async () => {
  const photos = path.join(scratch.folder, "imagenette2-160");
  await writeMiniImagenette(photos, 2);
  const folder = path.join(scratch.folder, "tiny");
  await cp("models/tiny", folder, { recursive: true });
  vi.stubEnv("XDG_CACHE_HOME", scratch.folder);
  const evaluate = (...options: string[]) => {
    const svg = path.join(scratch.folder, "curve.svg");
    const args = [
      "evaluate",
      folder,
      "--data",
      photos,
      "--backend",
      "wasm",
      "--out",
      svg,
      "--json",
      ...options,
    ];
    return atTerminal(() => runLab(args));
  };
  const read = async () => readVerdicts(folder, await readModelFolder(folder));
  const { stdout, stderr, status } = await evaluate("--verdicts");
  expect([status, stderr]).toEqual([0, expect.stringMatching(/verdicts: .*verdicts\.bin, \d+\.\d kB/)]);
  const told = JSON.parse(stdout) as { exits: { correct: number }[]; photos: number; version: string };
  const { exits, photos: count, version } = await read();
  // Those to report on.
  const names = IMAGENETTE_CLASSES.flatMap(({ wnid }) => [0, 1].map((at) => `${wnid}/${wnid}_${at}`));
  const photosOfHalf = reportedOnes({ names }).filter(Boolean).length;
  expect([told.photos, count, version]).toEqual([20, photosOfHalf, told.version]);
  expect(exits.map(({ right }) => right.filter(Boolean).length)).toEqual(
    told.exits.map(({ correct }) => correct),
  );

  expect((await evaluate("--write")).status).toBe(0);
  await expect(read()).rejects.toThrow(/expected verdicts of version/);
  expect((await evaluate("--write", "--verdicts")).status).toBe(0);
  expect((await read()).photos).toBe(photosOfHalf);
  const both = await evaluate("--codecs", "--verdicts");
  expect([both.status, both.stderr]).toEqual([
    2,
    "expected --verdicts without --codecs, --cut and --codec\n",
  ]);
});
