import "@tensorflow/tfjs-backend-cpu";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { memory, setBackend } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TOTAL } from "#shared/codecs";
import { codecWords } from "#shared/model";
import { randomFrom } from "#shared/random";
import type { SegmentModel } from "#shared/runtime";
import { miniPhotos, temporaryFolder } from "../data/fixture.ts";
import { measureFitted } from "../evaluate/codec-costs.ts";
import { codedScores } from "../evaluate/coded-scores.ts";
import { evaluateExits } from "../evaluate/evaluate-exits.ts";
import { withMeasured } from "../evaluate/with-measured.ts";
import { openModelFolder, readCoders, readModelFolder } from "../files/model-folder.ts";
import { renewVerdicts } from "../simulate/verdicts/record-verdicts.ts";
import { readVerdicts } from "../simulate/verdicts/verdicts.ts";
import { symmetricEigen } from "./eigen.ts";
import { type FittedLinear, fitCodec } from "./fit-codec.ts";
import { fitRate } from "./fit-rate.ts";
import { blocksOf, fitTransform, keepChannels } from "./fit-transform.ts";
import { fittedCurve, fittedSection } from "./fitted-section.ts";
import { packCodec, storeCodec } from "./store-codec.ts";
import { tensorValues } from "./tensor-values.ts";

const NODE = "block2/concat";
const photos = miniPhotos(16, 32);
const heldBack = miniPhotos(8, 32);
let segments: SegmentModel;
let fitted: FittedLinear;
let place: Awaited<ReturnType<typeof temporaryFolder>>;
let folder: string;
beforeAll(async () => {
  await setBackend("cpu");
  place = await temporaryFolder();
  folder = path.join(place.folder, "tiny");
  await cp("models/tiny", folder, { recursive: true });
  segments = await openModelFolder(folder);
  const { numTensors } = memory();
  fitted = await fitCodec({
    segments,
    name: NODE,
    kept: photos,
    heldBack,
    // An untrained model loses nothing: no step is fine enough, and any is.
    losses: [-1, 1],
    way: null,
    onProgress: () => {},
  });
  expect(memory().numTensors).toBe(numTensors);
});
afterAll(() => place.remove());

test("eigenvectors are orthonormal, and make the matrix again", () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = randomFrom(seed);
    const size = 1 + Math.floor(20 * random());
    const factor = Array.from({ length: size * size }, () => random() - 0.5);
    const matrix = new Float64Array(size * size);
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++)
        for (let k = 0; k < size; k++) matrix[i * size + j]! += factor[i * size + k]! * factor[j * size + k]!;
    const { values, vectors } = symmetricEigen(matrix, size);
    expect([...values]).toEqual([...values].sort((a, b) => b - a));
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        let [dot, made] = [0, 0];
        for (let k = 0; k < size; k++) {
          dot += vectors[i * size + k]! * vectors[j * size + k]!;
          made += values[k]! * vectors[k * size + i]! * vectors[k * size + j]!;
        }
        expect(dot, `seed ${seed}`).toBeCloseTo(i === j ? 1 : 0, 9);
        expect(made, `seed ${seed}`).toBeCloseTo(matrix[i * size + j]!, 9);
      }
    }
  }
});

test("values that lie along few directions need no more of them", () => {
  const random = randomFrom(2);
  const values = Float32Array.from({ length: 4 * 64 * 3 });
  for (let at = 0; at < values.length; at += 3) {
    const along = random() - 0.5;
    values.set([2 + along, 2 * along, 5 - 2 * along], at);
  }
  const { transform, along } = fitTransform(values, [8, 8, 3], 1);
  [2, 0, 5].forEach((mean, at) => {
    expect(Math.abs(transform.mean[at]! - mean)).toBeLessThan(0.2);
  });
  expect(Math.abs(transform.basis[0]!)).toBeCloseTo(1 / 3, 3);
  const { tables, first } = fitRate(along, 3, 0.1);
  expect(tables.map(({ frequencies }) => frequencies.length > 1)).toEqual([true, false, false]);
  expect(first[0]!).toBeLessThan(-10);
  for (const { frequencies } of tables) {
    expect(frequencies.reduce((sum, share) => sum + share, 0)).toBe(TOTAL);
  }
  expect(blocksOf([8, 8, 3])).toEqual([1, 2, 4, 8]);
  expect(blocksOf([10, 10, 48])).toEqual([1, 2]);
  expect(blocksOf([7, 8, 3])).toEqual([1]);
  expect(blocksOf([96])).toEqual([1]);
});

test("where nearly all values are 0 channels by themselves take fewer bits than directions", () => {
  const random = randomFrom(4);
  const sparse = Float32Array.from({ length: 4 * 64 * 6 }, () => (random() < 0.1 ? 1 + random() : 0));
  const bits = (along: Float32Array): number => {
    const { tables } = fitRate(along, 6, 0.5);
    const shares = tables.flatMap(({ frequencies }) => [...frequencies].map((share) => share / TOTAL));
    return shares.reduce((sum, share) => sum - share * Math.log2(share), 0);
  };
  const kept = keepChannels(sparse, [8, 8, 6]);
  expect(kept.along).toBe(sparse);
  // A rotation among channels that hang together in nothing.
  const turned = Float32Array.from(sparse);
  for (let at = 0; at < turned.length; at += 2) {
    const [a, b] = [sparse[at]!, sparse[at + 1]!];
    turned.set([Math.SQRT1_2 * (a + b), Math.SQRT1_2 * (a - b)], at);
  }
  expect(bits(kept.along)).toBeLessThan(0.9 * bits(turned));
});

test("more loss that is tolerated takes a coarser step, and what is kept is what the finest rate tells", () => {
  expect(fitted.rates).toHaveLength(2);
  expect(fitted.rates[0]!.step).toBeGreaterThan(fitted.rates[1]!.step);
  const { tried, transform, rates } = fitted;
  const losses = tried.map(({ loss }) => loss);
  expect(losses).toEqual(losses.toSorted((a, b) => a - b));
  expect([rates[1]!.step, rates[0]!.step]).toEqual([tried[0]!.step, tried.at(-1)!.step]);
  const sizes = tried.map(({ cost }) => cost.bytes);
  expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
  expect(transform.basis.length / transform.mean.length).toBe(rates[1]!.tables.length);
});

test("what is stored is read again, measures the same, and takes the place of another", async () => {
  const before = await readModelFolder(folder);
  const measured = await measureFitted(segments, heldBack, NODE, fitted.coders, null);
  // The same as before components were left out that say nothing.
  for (const [at, { step }] of fitted.rates.entries()) {
    expect(measured[at]).toEqual({
      ...fitted.tried.find((one) => one.step === step)!.cost,
      quality: at + 1,
    });
  }
  const stored = packCodec(NODE, fitted, measured);
  await storeCodec(folder, NODE, stored);
  // What another codec's nets were measured to take.
  const profile = path.join(folder, "profiles", "head-other.json");
  await mkdir(path.dirname(profile), { recursive: true });
  await writeFile(profile, JSON.stringify({ nodeMs: {}, detourMs: { [NODE]: 1, other: 2 } }));
  await storeCodec(folder, NODE, stored);
  expect(JSON.parse(await readFile(profile, "utf8"))).toEqual({ nodeMs: {}, detourMs: { other: 2 } });
  const model = await readModelFolder(folder);
  const verdicts = await readVerdicts(folder, before);
  expect(await renewVerdicts(folder, before, model)).toBe(true);
  expect(await renewVerdicts(folder, before, model)).toBe(false);
  expect(await readVerdicts(folder, model)).toEqual({ ...verdicts, version: model.version });
  expect(model.version).not.toBe(before.version);
  expect(model.shards).toHaveLength(before.shards.length + 1);
  expect(model.metadata.fitted![NODE]).toEqual(stored.fitted);
  const coders = await readCoders(folder, model);
  const again = await openModelFolder(folder);
  const values = await tensorValues(again, heldBack, NODE);
  const each = values.length / heldBack.count;
  const one = values.subarray(0, each);
  const [mine, theirs] = [fitted.coders, coders.get(NODE)!].map((rates) => rates[1]!);
  const close = new Float32Array(each);
  theirs!.decode(theirs!.encode(one), close);
  const exact = new Float32Array(each);
  mine!.decode(mine!.encode(one), exact);
  const step = fitted.rates[1]!.step;
  // Its directions are stored as float16: a number on the border may go to the other side.
  for (let at = 0; at < each; at++) expect(Math.abs(close[at]! - exact[at]!)).toBeLessThan(1.5 * step);

  // Head and tail give what the whole does, within the loss that is declared.
  const declared = await measureFitted(again, heldBack, NODE, coders.get(NODE)!, null);
  const codec = { codec: "linear", quality: 2, deflate: false } as const;
  const whole = await codedScores(again, heldBack, NODE, { codec: "float32", deflate: false }, coders);
  const split = await codedScores(again, heldBack, NODE, codec, coders);
  expect([split.bytes, split.spread]).toEqual([declared[1]!.bytes, declared[1]!.spread]);
  const top = (of: typeof whole) => evaluateExits(of.exits, of.scores);
  for (const [at, { exit, accuracy }] of top(split).entries()) {
    expect(top(whole)[at]!.accuracy - accuracy, codecWords(codec)).toBeCloseTo(declared[1]!.loss[exit]!, 5);
  }
  again.dispose();
  const changed = withMeasured(model.metadata, { [NODE]: declared });
  expect(changed.fitted![NODE]!.rates[1]).toMatchObject({ bytes: declared[1]!.bytes, step });

  const section = fittedSection(model, NODE, stored, fitted, { chosenOn: heldBack.count, reportedOn: 7 });
  expect(section).toContain(`| linear 2 | ${stored.fitted.rates[1]!.bytes} ± `);
  expect(section).toContain("](codec-block2-concat.svg)");
  const curve = fittedCurve(model, NODE, stored, fitted.tried);
  expect(curve.match(/class="rate"/g)!.length).toBeGreaterThanOrEqual(2);
  expect(curve).not.toMatch(/NaN|Infinity|undefined/);
  const json = JSON.parse(await readFile(path.join(folder, "model.json"), "utf8"));
  expect(json.weightsManifest.at(-1).paths).toEqual(["codec-block2-concat.bin"]);
});
