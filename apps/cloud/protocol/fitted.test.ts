import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LinearCoder, linearCoder } from "#shared/codecs";
import { codersIn } from "#shared/model";
import {
  decodeTensor,
  encodeFitted,
  joinElements,
  type Parameters,
  splitElements,
  type WireTensor,
} from "#shared/protocol";
import { randomFrom } from "#shared/random";
import { rateOf } from "../../../shared/protocol/learned-fixture.ts";
import { ENGINES, openEngine } from "../../engines/index.ts";
import { type LoadedModel, loadModels } from "../models/registry.ts";
import { buildServer, type CloudServer } from "../server.ts";
import { runDamaged } from "../testing/damaged-streams.ts";
import { FITTED_NODE, FITTED_STEPS, FITTED_TRANSFORM, storeFitted } from "../testing/fitted-codec.ts";
import { copyOfModels, floatTensor, post, request, scoresOf, testConfig } from "../testing/fixture.ts";
import { TailModel } from "../worker/tail-model.ts";
import type { BatchItem } from "../worker-messages/tail-messages.ts";
import { tailTo } from "./infer.ts";

const cleanUps: (() => Promise<void>)[] = [];
let server: CloudServer;
let fitted: LoadedModel;
let coders: readonly LinearCoder[];
beforeAll(async () => {
  const { dir, remove } = await copyOfModels(["tiny"]);
  await storeFitted(join(dir, "tiny"));
  server = await buildServer(testConfig({ modelsDir: dir }));
  cleanUps.push(() => server.close(), remove);
  await server.ready;
  fitted = (await loadModels(dir)).find("tiny", null);
  const { model, files } = fitted;
  coders = codersIn(model, model.shards.at(-1)!, files.shards.at(-1)!)!.coders;
});
afterAll(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

const SHAPE = [16, 16, 8];
const COUNT = 16 * 16 * 8;
const drawn = (seed: number): Float32Array => {
  const random = randomFrom(seed);
  return Float32Array.from({ length: COUNT }, () => Math.max(0, 3 * random() - 0.5));
};
const coded = (rate: number, values: Float32Array) =>
  encodeFitted(FITTED_NODE, { codec: "linear", rate, coder: coders[rate - 1]! }, values);
const send = (tensor: WireTensor, parameters: Parameters) =>
  post(server.app, request([tensor], { parameters: { exit: "exit3", ...parameters } }));
const farthest = (one: Float32Array, other: Float32Array): number =>
  Math.max(...one.map((score, at) => Math.abs(score - other[at]!)));
/** The tensor with other bytes in its stream. */
const withStream = (tensor: WireTensor, change: (stream: Uint8Array) => Uint8Array): WireTensor => {
  const [stream] = splitElements("a", tensor.data, 1);
  return { ...tensor, data: joinElements([change(stream!)]) };
};

test("a tensor by its fitted codec leads to the scores of what was decoded, alone and in a batch", async () => {
  for (const [at, step] of FITTED_STEPS.entries()) {
    const values = drawn(at);
    const { tensor, parameters } = coded(at + 1, values);
    const decoded = new Float32Array(COUNT);
    coders[at]!.decode(coders[at]!.encode(values), decoded);
    expect(farthest(decoded, values)).toBeLessThanOrEqual(step / 2 + 1e-6);
    const expected = scoresOf(await send(floatTensor(FITTED_NODE, [1, ...SHAPE], decoded), {}));
    expect(scoresOf(await send(tensor, parameters))).toEqual(expected);
    const [stream] = splitElements("a", tensor.data, 1);
    const two = { ...tensor, shape: [2], data: joinElements([stream!, stream!]) };
    const both = scoresOf(await send(two, parameters));
    expect(farthest(both.subarray(0, 10), expected)).toBeLessThan(1e-6);
    expect(farthest(both.subarray(10), expected)).toBeLessThan(1e-6);
  }
});

test.for(ENGINES)("engine %s gives of equal streams what WASM gives", async (name, { skip }) => {
  const opened = await openEngine(name).catch((thrown: Error) => thrown);
  if (opened instanceof Error) return skip(opened.message);
  const tail = new TailModel(fitted.files, opened.load);
  await tail.opened();
  const { tensor, parameters } = coded(1, drawn(5));
  const segment = tailTo(fitted.model, [FITTED_NODE], ["exit3"]);
  const [result] = await tail.run(segment, [{ tensors: [tensor], parameters }]);
  tail.dispose();
  const expected = scoresOf(await send(tensor, parameters));
  if (!("outputs" in result!)) return expect.fail(JSON.stringify(result));
  expect(farthest(result.outputs[0]!.values, expected)).toBeLessThan(1e-4);
});

test("the service says which fitted codecs it decodes", async () => {
  const { parameters } = (await server.app.inject({ url: "/v2/models/tiny" })).json();
  expect(parameters.fitted_codecs).toBe("linear");
});

test("damaged streams are refused, or are scores; the service goes on", async () => {
  const { tensor, parameters } = coded(1, drawn(1));
  const good = scoresOf(await send(tensor, parameters));
  const changes: ((stream: Uint8Array) => Uint8Array)[] = [
    (stream) => stream.subarray(0, stream.length - 1),
    (stream) => stream.subarray(0, 3),
    () => new Uint8Array(0),
    (stream) => Uint8Array.from([...stream, 0]),
    (stream) => stream.map(() => 0),
    (stream) => stream.map(() => 255),
    (stream) => stream.with(9, stream[9]! ^ 1),
    () => coders[1]!.encode(drawn(1)),
  ];
  for (const [at, change] of changes.entries()) {
    const response = await send(withStream(tensor, change), parameters);
    expect(response.statusCode, `change ${at}`).toBe(400);
    expect(response.json().error).toMatch(/^stem\/pool: coded stream: expected one of 2048 symbols, got /);
  }
  expect(scoresOf(await send(tensor, parameters))).toEqual(good);
});

test("of 10,000 damaged streams each is refused by itself, or a tensor within the range", async () => {
  const { load } = await openEngine("wasm");
  const tail = new TailModel(fitted.files, load);
  const segment = tailTo(fitted.model, [FITTED_NODE], ["exit3"]);
  const info = fitted.model.metadata.tensors[FITTED_NODE]!;
  const other = linearCoder(FITTED_TRANSFORM, rateOf(0.5, 32), info.range);
  const streams = Array.from({ length: 50 }, (_, seed) => {
    const [own, otherRate] = coders.map((coder) => coder.encode(drawn(seed))) as [Uint8Array, Uint8Array];
    const wild = coders[0]!.encode(drawn(seed).map((value) => 1e6 * (value - 1)));
    return { own, otherRate, otherModel: other.encode(drawn(seed)), wild };
  });
  const run = (items: readonly BatchItem[]) => tail.run(segment, items);
  const { refused, decoded } = await runDamaged(run, FITTED_NODE, (seed) => streams[seed % 50]!);
  tail.dispose();
  // As none is that is whole, and hardly one in a million of the others.
  expect(Object.values(refused)).toEqual(Array(8).fill(expect.toSatisfy((count) => count > 1_105)));
  expect(new Set(decoded.map(({ how }) => how))).toContain("wild");
  const [low, high] = info.range;
  for (const { how, tensor } of decoded) {
    const { values } = decodeTensor(tensor, info, { [`linear.${FITTED_NODE}`]: 1 }, coders);
    if (!values.every((value) => value >= low && value <= high)) expect.fail(how);
  }
});

test("what is declared beside a stream is checked", async () => {
  const { tensor, parameters } = coded(1, drawn(1));
  const key = `linear.${FITTED_NODE}`;
  for (const rate of [0, 3, 1.5, -1, "first", true]) {
    const response = await send(tensor, { [key]: rate });
    expect(response.statusCode, `${rate}`).toBe(400);
    expect(response.json().error).toBe(`parameter ${key}: expected a rate of 1 to 2, got ${rate}`);
  }
  expect((await send(tensor, {})).json().error).toBe(`parameter ${key}: expected a rate of 1 to 2, got none`);
  const sides = await send({ ...tensor, shape: [1, 1] }, parameters);
  expect(sides.json().error).toBe(`${FITTED_NODE}: expected shape [-1] of images, got [1,1]`);
  const lying = await send({ ...tensor, data: tensor.data.with(0, tensor.data[0]! + 1) }, parameters);
  expect(lying.json().error).toMatch(/^stem\/pool: expected \d+ bytes of element 0, got \d+ left$/);
  const other = { ...tensor, name: "block1/relu" };
  const response = await send(other, { "linear.block1/relu": 1 });
  expect(response.statusCode).toBe(400);
  expect(response.json().error).toMatch(/^block1\/relu: expected datatype FP32, FP16.* or UINT8, got BYTES$/);
});

test("a model whose codec is not what it says is refused, and the others go on", async () => {
  const { dir, remove } = await copyOfModels(["tiny"]);
  cleanUps.push(remove);
  const spoilt: [(bytes: Uint8Array) => Uint8Array, RegExp][] = [
    [(bytes) => bytes.subarray(0, 100), /codec fitted to stem\/pool: expected \d+ bytes of mean and basis/],
    [(bytes) => bytes.with(bytes.length - 1, 7), /symbol table: expected at most 256 integers/],
    [(bytes) => bytes.subarray(0, bytes.length - 4), /expected a table of 1 to 256 symbols at rate 2/],
  ];
  for (const [spoil, message] of spoilt) {
    const one = await copyOfModels(["tiny"]);
    cleanUps.push(one.remove);
    await storeFitted(join(one.dir, "tiny"), spoil);
    const registry = await loadModels(one.dir);
    expect(registry.index()).toMatchObject([{ name: "tiny", state: "UNAVAILABLE" }]);
    expect(registry.index()[0]!.reason).toMatch(message);
  }
  expect((await loadModels(dir)).index()).toMatchObject([{ state: "READY" }]);
});
