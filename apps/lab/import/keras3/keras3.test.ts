import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openModelFolder } from "../../files/model-folder.ts";
import { everyCut, openWorkshop, type Workshop } from "../import-fixture.ts";

// What Keras 3.15 wrote of models, and what it answers for two images itself: see make.py.

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.remove());

interface Described {
  readonly model_config: object;
  readonly weights: readonly object[];
  readonly values: string;
  readonly images: string;
  readonly outputs: readonly string[];
}

const read = (name: string): Described =>
  JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), "utf8")) as Described;

const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));
const floatsOf = (base64: string): Float32Array => new Float32Array(bytesOf(base64).buffer);

/** As tensorflowjs' converter writes it. */
function files({ model_config, weights, values }: Described) {
  const json = {
    format: "layers-model",
    modelTopology: { keras_version: "3.15.1", backend: "tensorflow", model_config },
    weightsManifest: [{ paths: ["group1-shard1of1.bin"], weights }],
  };
  return { "model.json": JSON.stringify(json), "group1-shard1of1.bin": bytesOf(values) };
}

test.each<[string, readonly string[] | null, number, number]>([
  ["functional", null, 0, 2],
  ["nested", null, 0, 1],
  ["shared", null, 0, 0],
  ["multi", ["kind"], 0, 0],
  ["multi", ["flag:0"], 1, 0],
])(
  "the model %s of Keras 3, exits %s, answers as Keras does, at every cut",
  async (name, exits, output, idle) => {
    const described = read(name);
    const { folder, counts } = await workshop.importing(files(described), { exits, range: [0, 1] });
    expect(counts.idle).toBe(idle);
    const segments = await openModelFolder(folder);
    const { metadata, nodes } = segments.model;
    const every = {
      nodes: nodes.map((node) => node.name),
      feeds: [metadata.input.node],
      outputs: metadata.exits.map(({ node }) => node),
    };
    const images = { shape: [2, 12, 12, 3], values: floatsOf(described.images) };
    const [scores] = await segments.runValues(every, [images]);
    segments.dispose();
    const expected = floatsOf(described.outputs[output] as string);
    expect(scores!.values).toHaveLength(expected.length);
    for (const [at, value] of expected.entries()) expect(scores!.values[at]).toBeCloseTo(value, 5);
    expect((await everyCut(folder)).worst).toBeLessThan(1e-5);
  },
);

test("several outputs are told by name", async () => {
  await expect(workshop.importing(files(read("multi")))).rejects.toThrow(
    "outputs: expected one, got kind, flag; name the scores' layers with --exits",
  );
  await expect(workshop.importing(files(read("multi")), { exits: ["flags"] })).rejects.toThrow(
    /--exits: expected names of layers \(the model's outputs are kind, flag; its layers .*conv2d.*\), got flags/,
  );
});
