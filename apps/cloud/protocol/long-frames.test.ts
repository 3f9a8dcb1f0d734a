import type { Worker } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import { decodeRequest, decodeResponse } from "#shared/protocol";
import { Shed } from "../tails/executor.ts";
import { type Answer, frameAnswer } from "../worker-messages/frame-answer.ts";
import { LongFrames } from "./long-frames.ts";

const open: LongFrames[] = [];
afterEach(() => Promise.all(open.splice(0).map((frames) => frames.close())));

function longFrames(patienceMs = 10_000): LongFrames {
  const frames = new LongFrames({ patienceMs, limitMs: 10_000 });
  open.push(frames);
  return frames;
}

const from = (client: string, signal = new AbortController().signal) => ({ client, signal });

/** A request of JSON alone, of so many numbers. */
function numbers(count: number, change: object = {}): Uint8Array {
  const data = Array.from({ length: count }, (_, at) => at / 7);
  const inputs = [{ name: "image", datatype: "FP32", shape: [1, count], data, ...change }];
  return new TextEncoder().encode(JSON.stringify({ id: "7", inputs }));
}

const failureOf = (promise: Promise<unknown>): Promise<EddiError> =>
  promise.then(
    () => expect.fail("expected a failure"),
    (thrown) => thrown as EddiError,
  );

test.each([10, 50_000])("a request of %i numbers is read the same, wherever it is read", async (count) => {
  const { request, ms } = await longFrames().decode(from("ada"), numbers(count), null);
  expect(request).toEqual(decodeRequest(numbers(count), null));
  expect(ms > 0).toBe(count > 1_000);
});

test.each([10, 50_000])("a bad request of %i numbers is refused the same", async (count) => {
  const bad = () => numbers(count, { shape: [1, count + 1] });
  const { code, message } = await failureOf(longFrames().decode(from("ada"), bad(), null));
  const expected = await failureOf(Promise.resolve().then(() => decodeRequest(bad(), null)));
  expect([code, message]).toEqual([expected.code, expected.message]);
});

test("binary tensors behind long JSON come back as they were", async () => {
  const tensor = (name: string) => ({
    name,
    datatype: "UINT8",
    shape: [3],
    parameters: { binary_data_size: 3 },
  });
  const header = { inputs: [tensor("a"), tensor("b")], parameters: { x: "y".repeat(100_000) } };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const body = Uint8Array.from([...json, 1, 2, 3, 4, 5, 6]);
  const { request } = await longFrames().decode(from("ada"), body, json.byteLength);
  expect(request.inputs.map(({ data }) => [...data])).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
});

test.each([1, 32])("an answer of %i images is written the same, wherever it is written", async (images) => {
  const labels = Array.from({ length: 1_000 }, (_, at) => `label ${at}`);
  const values = Float32Array.from({ length: 1_000 * images }, (_, at) => Math.sin(at));
  const shape = [images, 1_000];
  const answer: Answer = {
    head: { modelName: "m", modelVersion: "1", parameters: { exit: "last" } },
    scores: [
      { name: "numbers", shape, values, binary: false },
      { name: "text", shape, values, binary: true, classes: 1_000 },
      { name: "bytes", shape, values, binary: true },
    ],
    labels,
  };
  const frame = await longFrames().encode(from("ada"), answer);
  expect(Buffer.from(frame.body).equals(Buffer.from(frameAnswer(answer).body))).toBe(true);
  expect(decodeResponse(frame.body, frame.jsonBytes).outputs.map(({ name }) => name)).toEqual([
    "numbers",
    "text",
    "bytes",
  ]);
});

test("clients take turns, a frame each", async () => {
  const frames = longFrames();
  const order: string[] = [];
  const send = async (client: string) => {
    await frames.decode(from(client), numbers(50_000), null);
    order.push(client);
  };
  await Promise.all(["ada", "ada", "ada", "ada", "bob", "eve", "bob"].map(send));
  expect(order).toEqual(["ada", "ada", "bob", "eve", "ada", "bob", "ada"]);
});

test("who has gone, or has waited for too long, is passed over", async () => {
  const frames = longFrames(0);
  const gone = new AbortController();
  const first = frames.decode(from("ada"), numbers(50_000), null);
  const second = failureOf(frames.decode(from("ada", gone.signal), numbers(50_000), null));
  const third = failureOf(frames.decode(from("ada"), numbers(50_000), null));
  gone.abort();
  expect((await first).request.inputs).toHaveLength(1);
  expect((await second).code).toBe("cancelled");
  const { code, cause } = await third;
  expect([code, cause]).toEqual(["unavailable", expect.any(Shed)]);
  expect((cause as Shed).reason).toBe("long-frames");
});

test("a thread that is lost takes its frame along, and another one is started", async () => {
  const frames = longFrames();
  const started = new Promise<Worker>((resolve) => process.once("worker", resolve));
  const lost = failureOf(frames.decode(from("ada"), numbers(200_000), null));
  await (await started).terminate();
  const { code, cause } = await lost;
  expect([code, (cause as Shed).reason]).toEqual(["unavailable", "worker-lost"]);
  expect((await frames.decode(from("ada"), numbers(50_000), null)).request.id).toBe("7");
});

test("on close everything settles", async () => {
  const frames = longFrames();
  const failures = ["ada", "bob"].map((client) =>
    failureOf(frames.decode(from(client), numbers(50_000), null)),
  );
  await frames.close();
  expect((await Promise.all(failures)).map(({ message }) => message)).toEqual(
    Array(2).fill("the service is closing"),
  );
  await expect(frames.decode(from("ada"), numbers(50_000), null)).rejects.toThrow(EddiError);
});
