import { expect, test } from "vitest";
import { CODECS, type CodecName, IMAGE_CODECS, isFittedCodec } from "#shared/codecs";
import { type CodecCost, readMetadata, type WireCodec } from "#shared/model";
import { randomFrom } from "#shared/random";
import { addDetour, fixtureModel } from "../model/fixture.ts";
import { analyticProfile } from "../profile/analytic-profile.ts";
import type { Profile } from "../profile/profile.ts";
import { type ExitCosts, exitCosts } from "./exit-costs.ts";
import { lossyWays } from "./lossy-wire.ts";
import { chooseServed } from "./served-wire.ts";
import {
  chooseCodecs,
  codecsOf,
  costsOf,
  forcedCodec,
  lossOver,
  promisedAccuracy,
  TOLERANCE,
  type WireMode,
  wireModes,
} from "./wire.ts";

const unmeasured = fixtureModel();
const cost = (codec: CodecName, deflate: boolean, bytes: number, loss: number): CodecCost => ({
  codec,
  ...(codec === "jpeg" || codec === "webp" ? { quality: 40 } : {}),
  deflate,
  bytes,
  loss: { early: loss / 2, middle: loss, full: loss },
});
/** The image's and two tensors'; the others were not measured. */
const codecs: Record<string, CodecCost[]> = {
  image: [
    cost("float32", false, 768, 0),
    cost("uint8", false, 192, 0),
    cost("uint4", false, 96, 0.02),
    cost("jpeg", false, 60, 0.003),
    cost("webp", false, 50, 0.004),
    cost("uint8", true, 150, 0),
    cost("webp", true, 55, 0.004),
  ],
  stem: [
    cost("float32", false, 2048, 0),
    cost("uint8", false, 512, 0.001),
    cost("uint4", false, 256, 0.008),
    cost("float32", true, 1800, 0),
    cost("uint4", true, 100, 0.005),
  ],
  join: [cost("float32", false, 2048, 0), cost("uint8", false, 512, -0.002)],
};
const model = fixtureModel((file) => Object.assign(file.userDefinedMetadata.eddi, { codecs }));
const at = (name: string): number => model.dag.names.indexOf(name);
const pick = (
  mode: WireMode,
  name: string,
  exit = "full",
  image = IMAGE_CODECS as readonly ("jpeg" | "webp")[],
) => chooseCodecs(model, exit, mode, image)[at(name)]!;

test("each tensor gets the codec of fewest bytes that costs its exit no more than is tolerated", () => {
  expect(pick("plain", "image")).toEqual({
    codec: "webp",
    quality: 40,
    deflate: false,
    bytes: 50,
    loss: 0.004,
  });
  expect(pick("plain", "stem")).toEqual({ codec: "uint8", deflate: false, bytes: 512, loss: 0.001 });
  // The early exit loses half as much, so it may have fewer bits.
  expect(pick("plain", "stem", "early")).toEqual({ codec: "uint4", deflate: false, bytes: 256, loss: 0.004 });
  expect(pick("deflate", "stem")).toMatchObject({
    codec: "uint4",
    deflate: true,
    bytes: 100,
    loss: TOLERANCE,
  });
  expect(pick("exact", "stem")).toMatchObject({ codec: "float32", bytes: 2048, loss: 0 });
  expect(pick("exact", "join")).toMatchObject({ codec: "uint8", bytes: 512, loss: -0.002 });
  expect(pick("raw", "image")).toMatchObject({ codec: "uint8", bytes: 192 });
  expect(pick("jpeg", "image")).toMatchObject({ codec: "jpeg", bytes: 60 });
  expect(pick("jpeg", "stem")).toEqual(pick("plain", "stem"));
});

test("codecs are chosen by one half of the photos, said to lose what the other tells, and not taken where that is too much", () => {
  const told = (loss: number, reported: number) => ({ loss: { full: loss }, reported: { full: reported } });
  const halved = fixtureModel((file) =>
    Object.assign(file.userDefinedMetadata.eddi, {
      codecs: {
        stem: [
          { codec: "uint8", deflate: false, bytes: 512, ...told(0.001, 0.002) },
          { codec: "uint4", deflate: false, bytes: 256, ...told(0.006, 0) },
        ],
        join: [
          { codec: "uint8", deflate: false, bytes: 512, ...told(0, 0.005) },
          { codec: "uint4", deflate: false, bytes: 256, ...told(0.004, 0.007) },
        ],
      },
    }),
  );
  const chosen = chooseCodecs(halved, "full", "plain");
  expect(chosen[at("stem")]).toEqual({ codec: "uint8", deflate: false, bytes: 512, loss: 0.002 });
  expect(chosen[at("join")]).toEqual({ codec: "uint8", deflate: false, bytes: 512, loss: 0.005 });
});

test("so they are of a server that has but single tails", () => {
  const told = (reported: number) => [
    { codec: "uint8", deflate: false, bytes: 512, loss: { full: 0.001 }, reported: { full: reported } },
  ];
  const halved = fixtureModel((file) =>
    Object.assign(file.userDefinedMetadata.eddi, { codecs: { stem: told(0.002), join: told(0.007) } }),
  );
  const both = ["float32", "uint8"] as const;
  const catalogue = { tails: { full: { stem: both, join: both } }, isBinary: true };
  const chosen = chooseServed(halved, "full", catalogue, "plain");
  expect(chosen[at("stem")]).toEqual({ codec: "uint8", deflate: false, bytes: 512, loss: 0.002 });
  expect(chosen[at("join")]).toEqual({ codec: "float32", deflate: false, bytes: 2048, loss: 0 });
  const exact = chooseServed(halved, "full", catalogue, "exact");
  expect(exact[at("stem")]).toMatchObject({ codec: "float32", loss: 0 });
});

test("what a browser cannot encode is not chosen", () => {
  expect(pick("plain", "image", "full", ["jpeg"])).toMatchObject({ codec: "jpeg" });
  expect(pick("plain", "image", "full", [])).toMatchObject({ codec: "uint8" });
  expect(
    forcedCodec(model, { node: 0, exit: "full" }, { codec: "webp", deflate: false }, ["jpeg"]),
  ).toMatchObject({
    codec: "uint8",
  });
});

test("what was not measured travels as 8 bits a value, in the only mode there is", () => {
  expect(wireModes(unmeasured)).toEqual(["plain"]);
  const chosen = chooseCodecs(unmeasured, "full", "plain");
  chosen.forEach(({ codec, deflate, bytes, loss }, node) => {
    const elements = unmeasured.nodes[node]!.tensor.shape.reduce((product, side) => product * side, 1);
    expect([codec, deflate, bytes, loss]).toEqual(["uint8", false, elements, 0]);
  });
  expect(pick("plain", "right")).toMatchObject({ codec: "uint8", bytes: 128 });
});

test("a forced codec is for all tensors; an image codec for the image alone, of the measured quality", () => {
  const forced = (codec: WireCodec) => exitCosts(model, head, tail, { codec }).at(-1)!.wire!;
  const four = forced({ codec: "uint4", deflate: false });
  expect(four.mode).toBe("forced");
  expect(four.codecs.every(({ codec }) => codec === "uint4")).toBe(true);
  expect([four.loss[0], four.loss[1], four.loss[2]]).toEqual([0.02, 0.008, 0]);
  const jpeg = forced({ codec: "jpeg", deflate: true });
  expect(jpeg.codecs[0]).toEqual({ codec: "jpeg", quality: 40, deflate: true });
  expect(jpeg.codecs[1]).toEqual({ codec: "uint8", deflate: true });
  expect(forced({ codec: "jpeg", quality: 77, deflate: true }).codecs[0]).toMatchObject({ quality: 77 });
  expect(forcedCodec(unmeasured, { node: 0, exit: "full" }, { codec: "jpeg", deflate: false })).toMatchObject(
    { quality: 80 },
  );
});

const coarse = (codec: CodecName, bytes: number, change: object = {}) =>
  ({
    ...cost(codec, false, bytes, 0),
    loss: { early: 0.01, middle: 0.02, full: 0.02 },
    reported: { early: 0.01, middle: 0.01, full: 0.03 },
    ...change,
  }) as CodecCost;
const withImage = (...costs: CodecCost[]) =>
  fixtureModel((file) =>
    Object.assign(file.userDefinedMetadata.eddi, { codecs: { ...codecs, image: costs } }),
  );

test("what loses more than is tolerated is a way of its own where it is worth its loss, and plans count that", () => {
  const waysOf = (...costs: CodecCost[]) =>
    lossyWays(withImage(...costs)).map(({ codec, loss }) => [codec.codec, loss.get("full")]);
  const usual = cost("jpeg", false, 9000, 0);
  // The worse of both halves.
  expect(waysOf(usual, coarse("webp", 4000))).toEqual([["webp", 0.03]]);
  // One that another one beats in bytes and loss, one that is worse than any exit before, two that save next to nothing.
  expect(waysOf(usual, coarse("webp", 4000), coarse("uint4", 5000))).toEqual([["webp", 0.03]]);
  expect(waysOf(usual, coarse("webp", 4000, { loss: { full: 0.2 } }))).toEqual([]);
  expect(waysOf(usual, coarse("webp", 9500))).toEqual([]);
  expect(waysOf(usual, coarse("webp", 8500))).toEqual([]);
  // Whole numbers of tensors that nothing was fitted to.
  expect(lossyWays(model)).toEqual([]);
  expect(lossyWays(withImage(usual, coarse("webp", 4000)), ["jpeg"])).toEqual([]);
});

test("on a lossy way nothing but its tensor crosses, and by its codec", () => {
  const own = withImage(cost("jpeg", false, 9000, 0), coarse("webp", 4000));
  const costs = exitCosts(own, head, tail, { codec: null }).filter(({ wire }) => wire!.counted);
  expect(costs.map(({ exit, wire }) => [exit, wire!.mode, wire!.counted])).toEqual([
    ["early", "lossy image webp 40", 0.01],
    ["middle", "lossy image webp 40", 0.02],
    ["full", "lossy image webp 40", 0.03],
  ]);
  for (const { dag, wireBytes, wire } of costs) {
    const finite = dag.names.filter((_, node) => Number.isFinite(wireBytes[node]!));
    expect(finite).toEqual(["image"]);
    expect(wire!.codecs[0]).toEqual({ codec: "webp", quality: 40, deflate: false });
    expect(wire!.loss[0]).toBe(wire!.counted);
  }
});

test("a learned codec costs its encoder here and its decoder there, less the stretch that it leads past", () => {
  const learned = fixtureModel(addDetour);
  const [here, there] = [analyticProfile(learned, "head", 1e6, 0), analyticProfile(learned, "tail", 1e6, 0)];
  const own = exitCosts(learned, here, there, { codec: null }).filter(({ wire }) => wire!.counted);
  expect(own.map(({ exit, wire }) => [exit, wire!.counted])).toEqual([
    ["middle", 0.02],
    ["full", 0.04],
  ]);
  const [, full] = own as [ExitCosts, ExitCosts];
  const join = full.dag.names.indexOf("join");
  const linear = { codec: "linear", quality: 1, deflate: false };
  expect(full.wire!.codecs[join]).toEqual(linear);
  expect(full.beside).toEqual(["join/encoder/conv", "join/encoder/latent"]);
  const plain = exitCosts(learned, here, there, { codec: null }).find(({ exit }) => exit === "full")!;
  // A convolution of 8x8x8x4 and a pool more, but 64 values are read back in the place of 512.
  expect(full.edgeCutMs[join]).toBeGreaterThan(0);
  expect(full.edgeCutMs[join]).not.toBe(plain.edgeCutMs[join]);
  expect(full.cloudCutMs[join]).toBeGreaterThanOrEqual(0);
  expect(exitCosts(learned, here, there, { codec: null, mayFit: false }).some(({ beside }) => beside)).toBe(
    false,
  );
});

test("what encoder and decoder were measured to take counts in the place of what their work says", () => {
  const learned = fixtureModel(addDetour);
  const [here, there] = [analyticProfile(learned, "head", 1e6, 0), analyticProfile(learned, "tail", 1e6, 0)];
  const cutMs = (encoderMs?: number, decoderMs?: number): readonly [edge: number, cloud: number] => {
    const measured = (profile: Profile, ms?: number): Profile =>
      ms === undefined ? profile : { ...profile, detourMs: { join: ms } };
    const all = exitCosts(learned, measured(here, encoderMs), measured(there, decoderMs), { codec: null });
    const { dag, edgeCutMs, cloudCutMs } = all.find(({ exit, wire }) => exit === "full" && wire!.counted)!;
    const join = dag.names.indexOf("join");
    return [edgeCutMs[join]!, cloudCutMs[join]!];
  };
  const [edge, cloud] = cutMs();
  expect(cutMs(7)[0] - cutMs(3)[0]).toBeCloseTo(4, 9);
  expect(cutMs(7)[1]).toBe(cloud);
  expect(cutMs(undefined, 9)[1] - cutMs(undefined, 8)[1]).toBeCloseTo(1, 9);
  expect(cutMs(undefined, 9)[0]).toBe(edge);
});

const head = analyticProfile(model, "head", 1e6, 0);
const tail = analyticProfile(model, "tail", 1e7, 0);

test("costs are those of the codecs, mode by mode, and ways that come to the same are one", () => {
  const costs = exitCosts(model, head, tail, { codec: null });
  expect([...new Set(costs.map(({ wire }) => wire!.mode))]).toEqual([
    "plain",
    "deflate",
    "exact",
    "raw",
    "jpeg",
  ]);
  for (const { exit, dag, wire, wireBytes } of costs) {
    if (wire!.mode === "deflate") continue;
    const chosen = chooseCodecs(model, exit, wire!.mode as WireMode);
    dag.names.forEach((name, node) => {
      const header = wireBytes[node]! - chosen[at(name)]!.bytes;
      expect(header).toBe(155 + 3 * name.length);
    });
  }
  const few = exitCosts(model, head, tail, { codec: null, imageCodecs: ["jpeg"] });
  expect(new Set(few.map(({ wire }) => wire!.mode))).toEqual(new Set(["plain", "deflate", "exact", "raw"]));
  expect(new Set(exitCosts(unmeasured, head, tail, { codec: null }).map(({ wire }) => wire!.mode)).size).toBe(
    1,
  );
});

const rates = [
  { step: 2, bytes: 30, spread: 4, loss: { early: 0.001, middle: 0.02, full: 0.02 } },
  { step: 1, bytes: 60, spread: 6, loss: { early: 0, middle: 0.004, full: 0.005 } },
  { step: 0.5, bytes: 90, spread: 9, loss: { early: 0, middle: 0, full: 0 } },
];
const fittedTo = (change: object) =>
  fixtureModel((file) => {
    const { eddi } = file.userDefinedMetadata;
    Object.assign(eddi.shards, { "codec-stem.bin": { bytes: 64, sha256: "0".repeat(64) } });
    const stem = { codec: "linear", shard: "codec-stem.bin", block: 1, components: 4, rates };
    Object.assign(eddi, { ...change, fitted: { stem } });
  });

test("a tensor that a codec was fitted to travels by its coarsest rate that costs no more than is tolerated", () => {
  const fitted = fittedTo({ codecs });
  expect(wireModes(fitted)).toEqual([...wireModes(model), "fitted"]);
  const stem = (exit: string, mode: WireMode) => chooseCodecs(fitted, exit, mode)[at("stem")]!;
  expect(stem("early", "fitted")).toEqual({
    codec: "linear",
    quality: 1,
    deflate: false,
    bytes: 30,
    loss: 0.001,
  });
  expect(stem("full", "fitted")).toMatchObject({ codec: "linear", quality: 2, bytes: 60, loss: TOLERANCE });
  for (const mode of wireModes(model)) expect(stem("full", mode)).toEqual(pick(mode, "stem"));
  for (const name of ["image", "join", "right"]) {
    expect(chooseCodecs(fitted, "full", "fitted")[at(name)]).toEqual(pick("plain", name));
  }
  // Without other measurements it is there all the same.
  expect(wireModes(fittedTo({}))).toEqual(["plain", "fitted"]);
});

test("a fitted codec costs what its multiplications take, and none where the service does not decode it", () => {
  const fitted = fittedTo({ codecs });
  const costs = exitCosts(fitted, head, tail, { codec: null });
  const own = costs.find(({ exit, wire }) => exit === "full" && wire!.mode === "fitted")!;
  const { perTensorMs, perElementMs } = head.transfer.codecs.linear;
  const readMs = head.transfer.perTensorMs + 4 * 512 * head.transfer.perByteMs;
  expect(own.edgeCutMs[at("stem")]).toBeCloseTo(readMs + perTensorMs + 4 * 512 * perElementMs, 12);
  expect(own.wireBytes[at("stem")]).toBe(60 + 155 + 3 * 4);
  const without = exitCosts(fitted, head, tail, { codec: null, mayFit: false });
  expect(without).toEqual(exitCosts(model, head, tail, { codec: null }));
  const linear: WireCodec = { codec: "linear", deflate: false };
  const forced = (mayFit: boolean) => exitCosts(fitted, head, tail, { codec: linear, mayFit }).at(-1)!.wire!;
  expect(forced(true).codecs.slice(0, 2)).toEqual([
    { codec: "uint8", deflate: false },
    { codec: "linear", quality: 3, deflate: false },
  ]);
  expect(forced(false).codecs.every(({ codec }) => codec === "uint8")).toBe(true);
});

test("a plan's costs are those of its exit and codecs, and what it loses is the sum over its cut", () => {
  const costs = exitCosts(model, head, tail, { codec: null });
  for (const one of costs) {
    const codecs = codecsOf(one, ["image", "stem"])!;
    const found = costsOf(costs, { exit: one.exit, head: ["image"], codecs })!;
    expect(found.exit).toBe(one.exit);
    expect(codecsOf(found, ["image", "stem"])).toEqual(codecs);
  }
  const [plain] = costs.filter(({ exit }) => exit === "full");
  expect(costsOf(costs, { exit: "full", head: ["image"] })).toBe(plain);
  const names = plain!.dag.names;
  const lost = (...cut: string[]) => lossOver(plain!, (node) => cut.includes(names[node]!));
  expect(lost("image", "stem")).toBeCloseTo(0.005, 12);
  // What was gained by chance makes up for nothing.
  expect(lost("stem", "join")).toBeCloseTo(0.001, 12);
  expect(promisedAccuracy(plain!)).toBeCloseTo(0.8 - 0.004, 12);
  expect(promisedAccuracy({ ...plain!, accuracy: null })).toBeNull();
});

test("a cost never rises when more codecs may be chosen from", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = randomFrom(seed);
    const drawn = CODECS.filter((codec) => !isFittedCodec(codec)).map((codec) =>
      cost(codec, false, 10 + 1000 * random(), 0.02 * (random() - 0.3)),
    );
    const all = fixtureModel((file) =>
      Object.assign(file.userDefinedMetadata.eddi, {
        codecs: { image: [cost("float32", false, 3072, 0), ...drawn.slice(1)] },
      }),
    );
    const best = chooseCodecs(all, "full", "plain")[0]!;
    const within = readMetadata(all.metadata).codecs!.image!.filter(({ loss }) => loss.full! <= TOLERANCE);
    expect(best.bytes).toBe(Math.min(...within.map(({ bytes }) => bytes)));
    expect(best.loss).toBeLessThanOrEqual(TOLERANCE);
  }
});
