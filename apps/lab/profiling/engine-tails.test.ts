import { expect, test } from "vitest";
import { PRECISIONS } from "#shared/model";
import { measureProfile, plainTails, readProfile } from "#shared/profile";
import { openTails } from "./engine-tails.ts";

const LONG = { timeout: 120_000 };
const open = async (id: string, precision: (typeof PRECISIONS)[number], skip: (why: string) => never) => {
  const told: string[] = [];
  const asked = { backend: "onnxruntime", precision } as const;
  const tails = await openTails(`models/${id}`, asked, (trouble) => told.push(trouble)).catch(
    (thrown: Error) => skip(thrown.message),
  );
  return { ...tails, told };
};

test.for(PRECISIONS)(
  "tails on ONNX Runtime in %s make a whole profile",
  LONG,
  async (precision, { skip }) => {
    const { model, watch, deviceName, told } = await open("tiny", precision, skip);
    const of = { model, role: "tail", device: deviceName, backend: "onnxruntime", selfTestMs: 1 } as const;
    const cuts = "vertices";
    const profile = await measureProfile({ ...of, precision, cuts }, watch, { warmups: 0, repeats: 1 });
    expect(readProfile(JSON.parse(JSON.stringify(profile)))).toEqual(profile);
    expect(profile.precision).toBe(precision === "fp32" ? undefined : precision);
    expect(Object.keys(profile.nodeMs).toSorted()).toEqual(model.dag.names.slice(1).toSorted());
    // Every cut vertex of every exit, of which an exit's own node has nothing behind it.
    const sampled = profile.samples.filter(({ at }) => model.metadata.exits.every(({ node }) => node !== at));
    expect(sampled.length).toBeGreaterThan(3 * model.metadata.exits.length);
    expect(Math.min(...sampled.map(({ medianMs }) => medianMs))).toBeGreaterThan(0);
    expect(told).toEqual([]);
  },
);

test(
  "a learned codec's decoder is timed from a latent to the tensor that it makes",
  LONG,
  async ({ skip }) => {
    const { model, watch, told } = await open("resnet-imagenette", "int8", skip);
    const { decoder } = model.detours.get("stem/conv2")!;
    expect(await watch.whole(decoder, 1)).toBeGreaterThan(0);
    expect(told).toEqual([]);
  },
);

test("a real model's tail gets an image's tensors: in int8 noise is too far off", LONG, async ({ skip }) => {
  const { model, watch, told } = await open("mobilenet-imagenette", "int8", skip);
  const last = model.metadata.exits.at(-1)!.id;
  const { segment } = plainTails(model).find(
    ({ exit, at }) => exit === last && at === "stage3/block1/project",
  )!;
  expect(await watch.whole(segment, 1)).toBeGreaterThan(0);
  expect(told).toEqual([]);
});
