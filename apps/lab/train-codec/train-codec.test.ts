import { cp, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { Rank, Tensor4D } from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fromFloat16, linearCoder, toFloat16 } from "#shared/codecs";
import { randomFrom } from "#shared/random";
import type { SegmentModel } from "#shared/runtime";
import { miniPhotos, temporaryFolder } from "../data/fixture.ts";
import { findNativeTf, type Tf } from "../engine/native.ts";
import { measureFitted } from "../evaluate/codec-costs.ts";
import { codedScores } from "../evaluate/coded-scores.ts";
import { evaluateExits } from "../evaluate/evaluate-exits.ts";
import { openModelFolder, readCoders, readModelFolder } from "../files/model-folder.ts";
import { fitRate } from "../fit-codec/fit-rate.ts";
import { keepChannels } from "../fit-codec/fit-transform.ts";
import { packCodec, storeCodec } from "../fit-codec/store-codec.ts";
import { tensorValues } from "../fit-codec/tensor-values.ts";
import { readValues, writeValues } from "../train/weights.ts";
import { spanOf } from "./cut.ts";
import { openDraft, wayOf } from "./draft.ts";
import { type CodecSubject, finishNets, openLearner } from "./make-codec.ts";
import { netNodes } from "./net-nodes.ts";
import { CODEC_RECIPE, type CodecRecipe, phaseAt } from "./recipe.ts";
import { type CodecRunResult, loadCodecCheckpoint, trainCodec } from "./train-codec.ts";

const NODE = "block2/concat";
const native = findNativeTf();

test("a codec spans from a map to the smallest one behind it that is all that the last exit reads", async () => {
  const resnet = await readModelFolder("models/resnet-imagenette");
  expect(spanOf(resnet, "stem/conv2", undefined)).toEqual({ tensor: "stem/conv2", replaces: "neck" });
  expect(spanOf(resnet, "stem/conv2", "stage2/block1/relu").replaces).toBe("stage2/block1/relu");
  const refused = (tensor: string, replaces: string | undefined, message: string) =>
    expect(() => spanOf(resnet, tensor, replaces)).toThrow(
      expect.objectContaining({ code: "bad-argument", message: expect.stringContaining(message) }),
    );
  refused("image", undefined, "got image (images have JPEG and WebP)");
  refused("nothing", undefined, "got nothing");
  // Nothing but vectors come behind it; beside it the block's shortcut is read.
  refused("stage3/block3/relu", undefined, "got stage3/block3/relu");
  refused("stage2/block1/conv1", undefined, "got stage2/block1/conv1");
  // An exit of its own alone reads it.
  refused("exit1/conv1", undefined, "got exit1/conv1");
  refused("stem/conv2", "exit4/pool", "--replaces: expected one of stage1/block1/add");
  refused("neck", "stem/conv2", "--replaces: expected one of stage3/block1/add");
});

test("the rate falls to what is wanted, then its weight is held; views grow, and steps shrink", () => {
  const at = (done: number) => phaseAt(CODEC_RECIPE, done, 1000);
  expect(at(0).bytes).toBeGreaterThan(2 * CODEC_RECIPE.bytes);
  expect(at(0.5).bytes).toBe(CODEC_RECIPE.bytes);
  expect([at(0.5).isHeld, at(0.99).isHeld]).toEqual([false, true]);
  expect(at(0.99)).toMatchObject({ side: 1, hasLastExit: true, isRounded: true, mixing: 0 });
  const shares = [0, 0.2, 0.5, 0.8, 1].map((done) => at(done).share);
  expect(shares).toEqual(shares.toSorted((a, b) => b - a));
  expect(phaseAt(CODEC_RECIPE, 0, 0).share).toBeLessThan(0.02);
});

describe.skipIf(!native)("training a codec (needs @tensorflow/tfjs-node)", () => {
  const tf = native as Tf;
  const recipe: CodecRecipe = {
    ...CODEC_RECIPE,
    length: { epochs: 3 },
    batch: 10,
    latent: 4,
    decoderWidth: 8,
    decoderBlocks: 1,
    bytes: 30,
    averaging: 0.5,
  };
  const photos = miniPhotos(40, 32);
  const heldBack = miniPhotos(8, 32);
  let place: Awaited<ReturnType<typeof temporaryFolder>>;
  let folder: string;
  let segments: SegmentModel;
  let subject: CodecSubject;
  beforeAll(async () => {
    await tf.setBackend("tensorflow");
    place = await temporaryFolder();
    folder = path.join(place.folder, "tiny");
    await cp("models/tiny", folder, { recursive: true });
    segments = await openModelFolder(folder);
    const span = spanOf(segments.model, NODE, "block3/relu");
    subject = { folder, segments, span, kept: photos, heldBack };
  });
  afterAll(() => place.remove());

  /** Trains, by so many steps of this call. */
  async function trainFor(name: string, most: number, changed: Partial<CodecRecipe> = {}) {
    const state = path.join(place.folder, name);
    const stop = new AbortController();
    let steps = 0;
    const status = { update: () => (++steps === most ? stop.abort() : undefined), note: () => {} };
    const own = { ...recipe, ...changed };
    const learner = await openLearner(tf, subject, own);
    const { model } = segments;
    const from = await loadCodecCheckpoint(state);
    const run = { model, span: subject.span, recipe: own, photos, folder: state, from, status };
    const result: CodecRunResult = await trainCodec(learner, { ...run, signal: stop.signal });
    return { learner, result, values: learner.read() };
  }

  test("a training that is stopped and resumed ends as one that is not", async () => {
    const whole = await trainFor("whole", Number.POSITIVE_INFINITY);
    expect(whole.result).toMatchObject({ finished: true, step: 12 });
    for (const steps of [2, 5]) {
      expect((await trainFor("stopped", steps)).result.finished).toBe(false);
    }
    const resumed = await trainFor("stopped", Number.POSITIVE_INFINITY);
    expect(resumed.result).toMatchObject({ finished: true, step: 12 });
    for (const [at, { name, values }] of whole.values.entries()) {
      const others = resumed.values[at]!.values;
      const most = Math.max(...values.map((value, i) => Math.abs(value - others[i]!)));
      // Threads may add up in another order: bits may differ, no more.
      expect(most, name).toBeLessThan(1e-4);
    }
    await expect(trainFor("stopped", 1, { latent: 5 })).rejects.toMatchObject({
      code: "bad-argument",
      message: expect.stringContaining("expected latent 4 as in the checkpoint, got 5"),
    });
  });

  test("it learns: what is decoded comes nearer to what it replaces, at fewer bytes", async () => {
    const learner = await openLearner(tf, subject, recipe);
    const { numTensors } = tf.memory();
    const results = Array.from({ length: 40 }, (_, step) => {
      const picked = Uint32Array.from({ length: 10 }, (_, at) => (10 * step + at) % photos.count);
      const phase = { ...phaseAt(recipe, 0.4, 200), mixing: 0, bytes: 30 };
      return learner.train(photos, picked, { epoch: 0, step }, phase);
    });
    expect(tf.memory().numTensors).toBe(numTensors);
    const mean = (from: number, of: "error" | "bytes"): number =>
      results.slice(from, from + 10).reduce((sum, one) => sum + one[of] / 10, 0);
    expect(mean(30, "error")).toBeLessThan(0.8 * mean(0, "error"));
    expect(mean(30, "bytes")).toBeLessThan(mean(0, "bytes"));
  });

  test("the nodes that are stored compute what the nets do", async () => {
    const { nets } = await openLearner(tf, subject, recipe);
    const random = randomFrom(3);
    // As they are stored: kernels in half precision.
    const halved = readValues(nets.variables).map(({ name, shape, values }) => {
      const moved = values.map((value) => (shape.length > 1 ? value : random() - 0.5));
      return { name, shape, values: shape.length > 1 ? fromFloat16(toFloat16(moved)!) : moved };
    });
    writeValues(tf, nets.variables, halved);
    const written = netNodes(NODE, [8, 8], nets.layout, halved);
    expect(written.nodes.map(({ name }) => name)).toContain("block2/concat/encoder/latent");
    const draft = await openDraft(folder, subject.span, written, photos);
    const { encoder, decoder } = wayOf(subject.span, written);
    tf.tidy(() => {
      const tensor = tf.randomUniform<Rank.R4>([3, 8, 8, 16], 0, 4, "float32", 5);
      const [latents] = draft.segments.run(encoder, [tensor]);
      expect(furthest(latents!.dataSync(), nets.encode(tensor).dataSync())).toBeLessThan(1e-3);
      const [decoded] = draft.segments.run(decoder, [latents!]);
      expect(furthest(decoded!.dataSync(), nets.decode(latents as Tensor4D).dataSync())).toBeLessThan(1e-3);
      expect(decoded!.shape).toEqual([3, 4, 4, 24]);
    });
    for (const { range } of Object.values(draft.nets.tensors)) expect(range[1]).toBeGreaterThan(range[0]);
    draft.segments.dispose();
  });

  test("what is stored is read again, leaves the rest as it was, and goes when another takes its place", async () => {
    const { learner } = await trainFor("whole", Number.POSITIVE_INFINITY);
    const before = await readModelFolder(folder);
    const files = await readdir(folder);
    const job = { losses: [0, 1], trained: "for a test", onProgress: () => {} };
    const measuredOn = { chosenOn: heldBack, reportedOn: photos };
    for (let again = 0; again < 2; again++) {
      const { stored, section } = await finishNets(subject, learner.nets, { ...job, measuredOn });
      expect(section).toContain(`| learned 1 | ${stored.fitted.rates[0]!.bytes} ± `);
      expect(section).toContain("in the cloud that gives `block3/relu`");
      expect(Object.keys(stored.fitted.rates[0]!.loss)).toEqual(["exit3"]);
      expect(stored.fitted.rates.map(({ step }) => step)).toContain(1);
    }
    const model = await readModelFolder(folder);
    expect(model.nodes).toEqual(before.nodes);
    expect(model.shards.slice(0, before.shards.length)).toEqual(before.shards);
    const shards = [
      "codec-block2-concat-encoder.bin",
      "codec-block2-concat-decoder.bin",
      "codec-block2-concat.bin",
    ];
    expect(model.shards.slice(before.shards.length).map((shard) => shard.path)).toEqual(shards);
    const detour = model.detours.get(NODE)!;
    expect(detour).toMatchObject({ replaces: "block3/relu" });

    // Head, encoder, stream, decoder and tail together lose what is declared.
    const opened = await openModelFolder(folder);
    const coders = await readCoders(folder, model);
    const declared = await measureFitted(opened, photos, NODE, coders.get(NODE)!, detour);
    const codec = { codec: "linear", quality: 1, deflate: false } as const;
    const split = await codedScores(opened, photos, NODE, codec, coders);
    const whole = await codedScores(opened, photos, "block3/relu", { codec: "float32", deflate: false });
    expect(split.exits.map(({ id }) => id)).toEqual(["exit3"]);
    expect(split.bytes).toBe(declared[0]!.bytes);
    const top = (of: typeof whole) => evaluateExits(of.exits, of.scores);
    for (const [at, { exit, accuracy }] of top(split).entries()) {
      expect(top(whole)[at]!.accuracy - accuracy).toBeCloseTo(declared[0]!.loss[exit]!, 5);
    }

    const each = [8, 8, 16] as const;
    const { transform, along } = keepChannels(await tensorValues(opened, heldBack, NODE), each);
    const rate = fitRate(along, 16, 1);
    const own = [linearCoder(transform, rate, model.metadata.tensors[NODE]!.range)];
    const costs = await measureFitted(opened, heldBack, NODE, own, null);
    const linear = { transform, rates: [rate], coders: own, tried: [] };
    await storeCodec(folder, NODE, packCodec(NODE, linear, costs));
    opened.dispose();
    const after = await readModelFolder(folder);
    expect(after.detours.size).toBe(0);
    expect(after.metadata.tensors).toEqual(before.metadata.tensors);
    expect((await readdir(folder)).filter((file) => !files.includes(file)).sort()).toEqual(
      ["card.md", "codec-block2-concat.bin", "codec-block2-concat.svg", "codec-rates.svg"].filter(
        (file) => !files.includes(file),
      ),
    );
    const json = JSON.parse(await readFile(path.join(folder, "model.json"), "utf8"));
    expect(JSON.stringify(json.modelTopology)).not.toContain("block2/concat/encoder");
  });

  const furthest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
    Math.max(...Array.from(a, (value, at) => Math.abs(value - b[at]!)));
});
