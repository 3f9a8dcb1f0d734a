import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LinearCoder, linearCoder } from "#shared/codecs";
import { codersIn, type Segment } from "#shared/model";
import { decodeTensor, encodeFitted, joinElements, splitElements, type WireTensor } from "#shared/protocol";
import { randomFrom } from "#shared/random";
import { LEARNED, rateOf } from "../../../shared/protocol/learned-fixture.ts";
import { ENGINES, openEngine } from "../../engines/index.ts";
import { type LoadedModel, loadModels } from "../models/registry.ts";
import { buildServer, type CloudServer } from "../server.ts";
import { runDamaged } from "../testing/damaged-streams.ts";
import { storeLearned } from "../testing/fitted-codec.ts";
import { copyOfModels, floatTensor, post, request, scoresOf, testConfig } from "../testing/fixture.ts";
import { TailModel } from "../worker/tail-model.ts";
import type { BatchItem } from "../worker-messages/tail-messages.ts";
import { tailTo } from "./infer.ts";

const { tensor: TENSOR, replaces } = LEARNED;
const COUNT = 8 * 8 * 4;

const cleanUps: (() => Promise<void>)[] = [];
let server: CloudServer;
let learned: LoadedModel;
let coders: readonly LinearCoder[];
/** What stands for the later tensor, by the reference engine. */
let decode: (latent: Float32Array) => Promise<Float32Array>;
beforeAll(async () => {
  const { dir, remove } = await copyOfModels(["tiny"]);
  await storeLearned(join(dir, "tiny"));
  server = await buildServer(testConfig({ modelsDir: dir }));
  cleanUps.push(() => server.close(), remove);
  await server.ready;
  learned = (await loadModels(dir)).find("tiny", null);
  const { model, files } = learned;
  coders = codersIn(model, model.shards.at(-1)!, files.shards.at(-1)!)!.coders;
  const { load } = await openEngine("wasm");
  const reference = load(model, () => {});
  for (const [at, shard] of model.shards.entries()) reference.addShard(shard, files.shards[at]!);
  cleanUps.push(async () => reference.dispose());
  decode = async (values) => {
    const { decoder } = model.detours.get(TENSOR)!;
    const [decoded] = await reference.runValues(decoder, [{ shape: [1, 8, 8, 4], values }]);
    return decoded!.values;
  };
});
afterAll(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

const drawn = (seed: number): Float32Array => {
  const random = randomFrom(seed);
  return Float32Array.from({ length: COUNT }, () => 4 * random() - 2);
};
const coded = (rate: number, values: Float32Array) =>
  encodeFitted(TENSOR, { codec: "linear", rate, coder: coders[rate - 1]! }, values);
const ask = (tensors: WireTensor[], parameters: object) =>
  post(server.app, request(tensors, { parameters: { exit: "exit3", ...parameters } }));
const farthest = (one: Float32Array, other: Float32Array): number =>
  Math.max(...one.map((score, at) => Math.abs(score - other[at]!)));

/** The values that the service has of a stream. */
function afterCoding(rate: number, values: Float32Array): Float32Array {
  const coder = coders[rate - 1]!;
  const into = new Float32Array(COUNT);
  coder.decode(coder.encode(values), into);
  return into;
}

test("a stream of a learned codec leads to the scores of what its decoder makes of it, alone and in a batch", async () => {
  for (const rate of [1, 2]) {
    const values = drawn(rate);
    const stand = await decode(afterCoding(rate, values));
    const expected = scoresOf(await ask([floatTensor(replaces, [1, 8, 8, 16], stand)], {}));
    const { tensor, parameters } = coded(rate, values);
    expect(farthest(scoresOf(await ask([tensor], parameters)), expected)).toBeLessThan(1e-5);
    const [stream] = splitElements("a", tensor.data, 1);
    const two = { ...tensor, shape: [2], data: joinElements([stream!, stream!]) };
    const both = scoresOf(await ask([two], parameters));
    expect(farthest(both.subarray(0, 10), expected)).toBeLessThan(1e-5);
    expect(farthest(both.subarray(10), expected)).toBeLessThan(1e-5);
  }
});

test.for(ENGINES)("engine %s gives of equal streams what WASM gives", async (name, { skip }) => {
  const opened = await openEngine(name).catch((thrown: Error) => thrown);
  if (opened instanceof Error) return skip(opened.message);
  const tail = new TailModel(learned.files, opened.load);
  await tail.opened();
  const { tensor, parameters } = coded(1, drawn(5));
  const segment = tailTo(learned.model, [replaces], ["exit3"]);
  // The second time by what opened in the background.
  for (let time = 0; time < 2; time++) {
    const [result] = await tail.run(segment, [{ tensors: [tensor], parameters }]);
    const expected = scoresOf(await ask([tensor], parameters));
    if (!("outputs" in result!)) return expect.fail(JSON.stringify(result));
    expect(farthest(result.outputs[0]!.values, expected)).toBeLessThan(1e-4);
    await tail.opened();
  }
  tail.dispose();
});

test("streams, values of the tensor itself and those of the later one are answered in one batch", async () => {
  const { load } = await openEngine("wasm");
  const tail = new TailModel(learned.files, load);
  const { tensor, parameters } = coded(1, drawn(3));
  const stand = floatTensor(replaces, [1, 8, 8, 16], await decode(afterCoding(1, drawn(3))));
  const damaged = { ...tensor, data: tensor.data.slice(0, -1) };
  const segment = tailTo(learned.model, [replaces], ["exit3"]);
  const items = [tensor, stand, damaged].map((one) => ({ tensors: [one], parameters }));
  const [a, b, bad] = await tail.run(segment, items);
  tail.dispose();
  if (!("outputs" in a!) || !("outputs" in b!)) return expect.fail(JSON.stringify([a, b]));
  expect(farthest(a.outputs[0]!.values, b.outputs[0]!.values)).toBeLessThan(1e-5);
  expect(bad).toMatchObject({ code: "bad-tensor" });
});

test("one run of the decoder makes the tensors of all requests in a batch, each what it is alone", async () => {
  const { load } = await openEngine("wasm");
  const decoded: number[] = [];
  const tail = new TailModel(learned.files, (model, tell) => {
    const opened = load(model, tell);
    return {
      addShard: (shard, bytes) => opened.addShard(shard, bytes),
      runValues: (segment, feeds) => {
        if (segment.outputs[0] === LEARNED.decoded) decoded.push(feeds[0]!.shape[0]!);
        return opened.runValues(segment, feeds);
      },
      dispose: () => opened.dispose(),
    };
  });
  const two = (rate: number) => {
    const [one, other] = [20, 21].map((seed) => coded(rate, drawn(seed)));
    const streams = [one!, other!].map(({ tensor }) => splitElements("a", tensor.data, 1)[0]!);
    return { ...one!, tensor: { ...one!.tensor, shape: [2], data: joinElements(streams) } };
  };
  const good = coded(1, drawn(22));
  const damaged = { ...good, tensor: { ...good.tensor, data: good.tensor.data.slice(0, -1) } };
  const plain = { tensor: floatTensor(replaces, [1, 8, 8, 16], new Float32Array(1024)), parameters: {} };
  const asked = [coded(1, drawn(23)), damaged, two(2), plain, coded(2, drawn(24)), good];
  const items = asked.map(({ tensor, parameters }) => ({ tensors: [tensor], parameters }));
  const segment = tailTo(learned.model, [replaces], ["exit3"]);
  const together = await tail.run(segment, items);
  expect(decoded).toEqual([5]);
  for (const [at, result] of together.entries()) {
    const [alone] = await tail.run(segment, [items[at]!]);
    if (at === 1) {
      expect(result).toMatchObject({ code: "bad-tensor" });
      expect(alone).toEqual(result);
      continue;
    }
    if (!("outputs" in result && "outputs" in alone!)) return expect.fail(JSON.stringify([result, alone]));
    expect(result.outputs[0]!.shape).toEqual([at === 2 ? 2 : 1, 10]);
    expect(farthest(result.outputs[0]!.values, alone.outputs[0]!.values)).toBeLessThan(1e-5);
  }
  tail.dispose();
});

test("in int8 the decoder is computed in fp32, and the tail in int8", async ({ skip }) => {
  const opened = await openEngine("onnxruntime", "int8").catch((thrown: Error) => thrown);
  if (opened instanceof Error) return skip(opened.message);
  const { model, files } = learned;
  const told: string[] = [];
  const segments = opened.load(model, (message) => told.push(message));
  for (const [at, shard] of model.shards.entries()) segments.addShard(shard, files.shards[at]!);
  const { decoder } = model.detours.get(TENSOR)!;
  /** How far off a session is from TF.js, which runs a segment first. */
  const offOf = async (segment: Segment, shape: number[], values: Float32Array): Promise<number> => {
    const [first] = await segments.runValues(segment, [{ shape, values }]);
    await segments.opened!();
    expect(segments.isStandIn!(segment)).toBe(false);
    const [second] = await segments.runValues(segment, [{ shape, values }]);
    return farthest(second!.values, first!.values);
  };
  expect(await offOf(decoder, [1, 8, 8, 4], drawn(6))).toBeLessThan(1e-5);
  const tail = tailTo(model, [replaces], ["exit3"]);
  expect(await offOf(tail, [1, 8, 8, 16], await decode(drawn(6)))).toBeGreaterThan(1e-5);
  segments.dispose();
  expect(told).toEqual([]);
});

test("what a batch took foretells nothing while its decoder's session is being opened", async ({ skip }) => {
  const opened = await openEngine("onnxruntime").catch((thrown: Error) => thrown);
  if (opened instanceof Error) return skip(opened.message);
  const tail = new TailModel(learned.files, opened.load);
  const segment = tailTo(learned.model, [replaces], ["exit3"]);
  const plain = { tensors: [floatTensor(replaces, [1, 8, 8, 16], new Float32Array(1024))], parameters: {} };
  await tail.run(segment, [plain]);
  await tail.opened();
  const { tensor, parameters } = coded(1, drawn(5));
  const stream = { tensors: [tensor], parameters };
  expect(tail.isStandIn(segment, [plain])).toBe(false);
  expect(tail.isStandIn(segment, [plain, stream])).toBe(true);
  await tail.run(segment, [plain, stream]);
  await tail.opened();
  expect(tail.isStandIn(segment, [plain, stream])).toBe(false);
  tail.dispose();
});

test("the tensor itself still leads to its own tail", async () => {
  const values = Float32Array.from({ length: 16 * 16 * 8 }, (_, at) => at % 7);
  const response = await ask([floatTensor(TENSOR, [1, 16, 16, 8], values)], {});
  expect(response.statusCode).toBe(200);
});

test("of 10,000 damaged streams each is refused by itself, or leads to scores", async () => {
  const { load } = await openEngine("wasm");
  const tail = new TailModel(learned.files, load);
  const segment = tailTo(learned.model, [replaces], ["exit3"]);
  const info = learned.model.metadata.tensors[LEARNED.latent]!;
  const basis = Float32Array.from({ length: 16 }, (_, at) => (at % 5 === 0 ? 1 : 0));
  const transform = { shape: info.shape, block: 1, mean: new Float32Array(4), basis };
  const other = linearCoder(transform, rateOf(0.5, 4), info.range);
  const streams = Array.from({ length: 50 }, (_, seed) => {
    const [own, otherRate] = coders.map((coder) => coder.encode(drawn(seed))) as [Uint8Array, Uint8Array];
    const wild = coders[0]!.encode(drawn(seed).map((value) => 1e6 * value));
    return { own, otherRate, otherModel: other.encode(drawn(seed)), wild };
  });
  const run = (items: readonly BatchItem[]) => tail.run(segment, items);
  const { refused, decoded } = await runDamaged(run, TENSOR, (seed) => streams[seed % 50]!);
  tail.dispose();
  expect(Object.values(refused)).toEqual(Array(8).fill(expect.toSatisfy((count) => count > 1_105)));
  expect(new Set(decoded.map(({ how }) => how))).toContain("wild");
  const [low, high] = info.range;
  for (const { how, tensor } of decoded) {
    const { values } = decodeTensor(tensor, info, { [`linear.${TENSOR}`]: 1 }, coders);
    if (!values.every((value) => value >= low && value <= high)) expect.fail(how);
  }
});

test("a model whose learned codec is not what it says is refused, and the others go on", async () => {
  const codec = "codec-block1-relu.bin";
  const decoder = `codec-${LEARNED.decoded.replaceAll("/", "-")}.bin`;
  type Spoil = (bytes: Uint8Array, path: string) => Uint8Array;
  const spoilt: [Spoil, RegExp][] = [
    [(bytes, path) => (path === codec ? bytes.with(bytes.length - 1, 7) : bytes), /symbol table: expected/],
    [
      (bytes, path) => (path === codec ? bytes.slice(0, -4) : bytes),
      /expected a table of 1 to 256 symbols at rate 2/,
    ],
    [
      (bytes, path) => (path === codec ? Uint8Array.from([...bytes, 0, 0]) : bytes),
      /expected tables of 2 rates, got 1 numbers more/,
    ],
    [
      (bytes, path) => (path === codec ? bytes.slice(0, 48) : bytes),
      /codec fitted to block1\/relu: expected a table/,
    ],
    [
      (bytes, path) => (path === codec ? bytes.slice(0, 0) : bytes),
      /shards.codec-block1-relu.bin.bytes: expected/,
    ],
  ];
  const stored = async (spoil?: Spoil): Promise<string> => {
    const { dir, remove } = await copyOfModels(["tiny"]);
    cleanUps.push(remove);
    await storeLearned(join(dir, "tiny"), spoil);
    return dir;
  };
  for (const [spoil, message] of spoilt) {
    const [tiny] = (await loadModels(await stored(spoil))).index();
    expect(tiny).toMatchObject({ name: "tiny", state: "UNAVAILABLE" });
    expect(tiny!.reason).toMatch(message);
  }
  for (const path of [codec, decoder]) {
    const dir = await stored();
    await rm(join(dir, "tiny", path));
    const [tiny] = (await loadModels(dir)).index();
    expect(tiny!.reason).toContain(path);
  }
  // What weights are is known to the engine.
  const dir = await stored((bytes, path) => (path === decoder ? bytes.slice(0, -4) : bytes));
  const { files } = (await loadModels(dir)).find("tiny", null);
  const { load } = await openEngine("wasm");
  expect(() => new TailModel(files, load)).toThrow("the tensor should have 16 values but has 15");
});

test("a stream for an exit that its decoder does not lead to is refused, as are damaged ones and other rates", async () => {
  const { tensor, parameters } = coded(1, drawn(1));
  const early = await ask([tensor], { ...parameters, exit: "exit1" });
  expect(early.statusCode).toBe(400);
  const key = `linear.${TENSOR}`;
  const rate = await ask([tensor], { [key]: 3 });
  expect(rate.json().error).toBe(`parameter ${key}: expected a rate of 1 to 2, got 3`);
  const [stream] = splitElements("a", tensor.data, 1);
  const random = randomFrom(11);
  let refused = 0;
  for (let seed = 0; seed < 200; seed++) {
    const bytes = stream!.slice();
    if (seed < 4) bytes.fill(seed % 2 === 0 ? 0 : 255, seed < 2 ? 0 : 9);
    else bytes[Math.floor(random() * bytes.length)]! ^= 1 << Math.floor(random() * 8);
    const response = await ask([{ ...tensor, data: joinElements([bytes]) }], parameters);
    expect([200, 400], `seed ${seed}`).toContain(response.statusCode);
    if (response.statusCode === 200) expect(scoresOf(response).every(Number.isFinite)).toBe(true);
    else refused++;
  }
  expect(refused).toBeGreaterThan(100);
  // The tensor that its decoder gives is there already.
  const twice = await ask([tensor, floatTensor(replaces, [1, 8, 8, 16], new Float32Array(1024))], parameters);
  expect(twice.statusCode).toBe(400);
  expect(twice.json().error).toBe("expected distinct tensors, got one twice");
  const both = await ask(
    [tensor, floatTensor("block2/wide", [1, 8, 8, 12], new Float32Array(768))],
    parameters,
  );
  expect(both.statusCode).toBe(400);
});
