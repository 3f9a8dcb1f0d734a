import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { expect, test } from "vitest";
import { type LinearRate, type LinearTransform, symbolTable, TOTAL } from "#shared/codecs";
import { type FittedTensor, fittedBytes, fittedCoders, fittedWeights } from "./fitted.ts";
import { fixtureBytes, fixtureModel } from "./fixture.ts";
import { codersIn, readModel, shardsFor } from "./model.ts";
import { splitPlan } from "./plan.ts";

const SIZE = 8;
const transform: LinearTransform = {
  shape: [8, 8, 8],
  block: 1,
  mean: new Float32Array(SIZE).fill(0.5),
  basis: Float32Array.from({ length: 2 * SIZE }, (_, at) => (at === 0 || at === SIZE + 1 ? 1 : 0)),
};
const table = symbolTable([TOTAL / 4, TOTAL / 2, TOTAL / 4]);
const rateOf = (step: number): LinearRate => ({ step, first: Int16Array.of(-1, -1), tables: [table, table] });
const rates = [rateOf(0.5), rateOf(0.25)];
const bytes = fittedBytes(transform, rates);
const measured = { bytes: 20, spread: 2, loss: { early: 0, middle: 0.001, full: -0.002 } };
const fitted: FittedTensor = {
  codec: "linear",
  shard: "codec-stem.bin",
  block: 1,
  components: 2,
  rates: rates.map(({ step }) => ({ step, ...measured })),
};

const withCodec = (change: object = {}, content = bytes) =>
  fixtureModel((file) => {
    const { eddi } = file.userDefinedMetadata;
    const weights = fittedWeights("stem", SIZE, 2, 20) as never;
    file.weightsManifest.push({ paths: ["codec-stem.bin"], weights });
    const info = { bytes: content.length, sha256: bytesToHex(sha256(content)) };
    Object.assign(eddi.shards, { "codec-stem.bin": info });
    Object.assign(eddi, { fitted: { stem: { ...fitted, ...change } } });
  });

test("a fitted codec's shard goes with the node whose tensor it codes, and gives its coders", () => {
  const model = withCodec();
  expect(shardsFor(model, ["stem"]).map(({ path }) => path)).toEqual(["group1-shard1.bin", "codec-stem.bin"]);
  expect(shardsFor(model, ["deep"]).map(({ path }) => path)).toEqual(["group1-shard1.bin"]);
  const shard = model.shards.at(-1)!;
  const { name, coders } = codersIn(model, shard, bytes)!;
  expect([name, coders.length]).toEqual(["stem", 2]);
  expect(codersIn(model, model.shards[0]!, bytes)).toBeNull();
  const values = Float32Array.from({ length: 512 }, (_, at) => 0.5 + (at % SIZE < 2 ? 0.25 : 0));
  const back = new Float32Array(512);
  coders[1]!.decode(coders[1]!.encode(values), back);
  expect(back).toEqual(values);
  // Anywhere in a buffer, as files are read.
  const inside = Buffer.concat([Buffer.from("odd"), bytes]).subarray(3);
  const same = new Float32Array(512);
  codersIn(model, shard, inside)!.coders[1]!.decode(coders[1]!.encode(values), same);
  expect(same).toEqual(values);
});

test("who does not know of fitted codecs reads the rest, and needs nothing of them", () => {
  const model = withCodec();
  const older = fixtureModel((file) => {
    const { eddi } = file.userDefinedMetadata;
    file.weightsManifest.push({
      paths: ["codec-stem.bin"],
      weights: fittedWeights("stem", SIZE, 2, 20) as never,
    });
    Object.assign(eddi.shards, { "codec-stem.bin": model.metadata.shards["codec-stem.bin"] });
  });
  expect(older.metadata.codecs).toEqual(model.metadata.codecs);
  expect(older.nodes).toEqual(model.nodes);
  const needed = shardsFor(older, older.dag.names);
  expect(needed.map(({ path }) => path)).toEqual(model.shards.slice(0, -1).map(({ path }) => path));
});

test("plans name a fitted codec for its tensor alone, by one of its rates", () => {
  const plan = (codec: object, head = ["image", "stem"]) => ({
    exit: "full",
    head,
    codecs: { [head.at(-1)!]: codec },
  });
  const model = withCodec();
  const split = (codec: object, head?: string[]) => () => splitPlan(model, plan(codec, head) as never);
  expect(split({ codec: "linear", quality: 2, deflate: false })().cut).toEqual(["stem"]);
  expect(split({ codec: "linear", quality: 3, deflate: false })).toThrow(
    "codecs, stem: expected a quality of 1 to 2, got 3",
  );
  expect(split({ codec: "linear", deflate: false })).toThrow("expected a quality of 1 to 2, got nothing");
  expect(split({ codec: "linear", quality: 1, deflate: false }, ["image"])).toThrow(
    /codecs, image: expected a codec of float32, .*webp, got "linear"/,
  );
});

test("what is wrong in the metadata is refused by its name", () => {
  const wrong: [object, string][] = [
    [{ codec: "cubic" }, "fitted.stem.codec: expected one of linear"],
    [{ shard: "codec-other.bin" }, "fitted.stem.shard: expected a path in shards"],
    [{ block: 3 }, "fitted.stem.block: expected a block that divides [8,8,8], got 3"],
    [{ block: 0 }, "fitted.stem.block"],
    [{ components: 9 }, "fitted.stem.components: expected 1 to 8, got 9"],
    [{ components: 0.5 }, "fitted.stem.components"],
    [{ rates: [] }, "fitted.stem.rates: expected a non-empty array"],
    [{ rates: [null] }, "fitted.stem.rates[0]: expected an object"],
    [{ rates: [{ ...measured, step: 0 }] }, "fitted.stem.rates[0].step: expected a number above 0, got 0"],
    [{ rates: [{ ...measured, step: 1, bytes: 0 }] }, "fitted.stem.rates[0].bytes"],
    [{ rates: [{ ...measured, step: 1, spread: undefined }] }, "fitted.stem.rates[0].spread"],
    [{ rates: [{ ...measured, step: 1, loss: { late: 0 } }] }, "fitted.stem.rates[0].loss: expected exits"],
    [{ rates: [{ ...measured, step: 1, loss: { full: 2 } }] }, "fitted.stem.rates[0].loss.full"],
    [{ rates: [{ ...measured, step: 1, reported: { full: 2 } }] }, "fitted.stem.rates[0].reported.full"],
  ];
  for (const [change, message] of wrong) {
    const refused = expect.objectContaining({
      code: "bad-metadata",
      message: expect.stringContaining(message),
    });
    expect(() => withCodec(change), message).toThrow(refused);
  }
  const ofImage = fixtureBytes((file) =>
    Object.assign(file.userDefinedMetadata.eddi, { fitted: { image: fitted } }),
  );
  expect(() => readModel(ofImage)).toThrow("fitted.image: expected a tensor of the model, not its input");
});

test("numbers that are not the codec's are refused", () => {
  const coders = (content: Uint8Array, change: object = {}) =>
    fittedCoders("stem", { ...fitted, ...change }, { stem: { shape: [8, 8, 8], range: [0, 1] } }, content);
  const tablesAt = 4 * SIZE + 2 * 2 * SIZE;
  const withNumber = (at: number, number: number): Uint8Array => {
    const content = bytes.slice();
    new DataView(content.buffer).setUint16(tablesAt + 2 * at, number, true);
    return content;
  };
  const notFinite = bytes.slice();
  notFinite.set([0, 0, 192, 127], 4);
  const wrong: [Uint8Array, object, RegExp][] = [
    [bytes.subarray(0, 40), {}, /expected 64 bytes of mean and basis, and tables .*, got 40 bytes/],
    [bytes.subarray(0, tablesAt), {}, /a table of 1 to 256 symbols at rate 1, component 0, got 0 of them/],
    [bytes.subarray(0, bytes.length - 2), {}, /a table of 1 to 256 symbols at rate 2, component 1, got 3/],
    [bytes.subarray(0, bytes.length - 1), {}, /got 103 bytes/],
    [Uint8Array.from([...bytes, 0, 0]), {}, /expected tables of 2 rates, got 1 numbers more/],
    [
      withNumber(2, 1023),
      {},
      /symbol table: expected at most 256 integers .* add up to 4096, got 3 that add up to 4095/,
    ],
    [withNumber(2, 0), {}, /symbol table: expected/],
    [withNumber(1, 400), {}, /a table of 1 to 256 symbols at rate 1, component 0, got 400/],
    [withNumber(0, 3), {}, /got 3 of them, 3 below 0/],
    [notFinite, {}, /expected finite numbers/],
    [bytes, { components: 1 }, /codec fitted to stem: expected/],
    [bytes, { rates: fitted.rates.slice(1) }, /expected tables of 1 rates, got 10 numbers more/],
    [bytes, { rates: [...fitted.rates, fitted.rates[0]] }, /at rate 3, component 0/],
  ];
  for (const [content, change, message] of wrong) {
    const refused = expect.objectContaining({ code: "bad-model", message: expect.stringMatching(message) });
    expect(() => coders(content, change), String(message)).toThrow(refused);
  }
});
