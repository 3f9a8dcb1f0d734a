import { expect, test } from "vitest";
import { detoursOf } from "./detours.ts";
import { addDetour, fixtureModel } from "./fixture.ts";
import { shardsFor } from "./model.ts";

test("a learned codec's nodes are none of the DAG's, and lead past a stretch of it", () => {
  const plain = fixtureModel();
  const model = fixtureModel(addDetour);
  expect(model.dag).toEqual(plain.dag);
  expect(model.nodes).toEqual(plain.nodes);
  const detour = model.detours.get("join")!;
  expect(detour).toMatchObject({ tensor: "join", replaces: "cat" });
  const latent = "join/encoder/latent";
  expect(detour.encoder).toEqual({
    nodes: ["join/encoder/conv", latent],
    feeds: ["join"],
    outputs: [latent],
  });
  const decoded = "join/decoder/decoded";
  expect(detour.decoder).toEqual({ nodes: [decoded], feeds: [latent], outputs: [decoded] });
  expect(detour.nodes.map(({ name, weights }) => [name, weights])).toEqual([
    ["join/encoder/conv", ["W_ENCODE"]],
    [latent, []],
    [decoded, ["W_DECODE"]],
  ]);
});

test("the edge loads a codec's encoder and tables where it encodes, never its decoder", () => {
  const model = fixtureModel(addDetour);
  const { encoder } = model.detours.get("join")!;
  const paths = (names: readonly string[]) => shardsFor(model, names).map(({ path }) => path);
  const head = ["stem", "deep", "join"];
  expect(paths(head)).toEqual(["group1-shard1.bin"]);
  const [tables, weights] = ["codec-join.bin", "codec-join-encoder.bin"];
  expect(paths([...head, ...encoder.nodes])).toEqual(["group1-shard1.bin", tables, weights]);
});

test("a plan takes the detours of the codecs that it names", () => {
  const model = fixtureModel(addDetour);
  const linear = { codec: "linear", quality: 1, deflate: false } as const;
  expect(detoursOf(model, { codecs: { join: linear } })).toEqual([model.detours.get("join")]);
  expect(detoursOf(model, { codecs: { join: { codec: "uint8", deflate: false } } })).toEqual([]);
  expect(detoursOf(model, {})).toEqual([]);
});

test("what leads nowhere is refused by its name", () => {
  const wrong: [object, string][] = [
    [{ latent: "stem" }, "latent: expected a node that no exit needs, got stem"],
    [{ latent: "none" }, 'latent: expected a name in tensors, got "none"'],
    [{ decoded: "join/encoder/conv" }, "decoded: expected a tensor of [4,4,16], got [8,8,4]"],
    [{ replaces: "stem" }, "replaces: expected a node behind join, got stem"],
    [{ replaces: "join" }, "replaces: expected a node behind join, got join"],
    [{ replaces: "join/encoder/conv" }, "replaces: expected a node of the model"],
    [{ replaces: "last" }, "decoded: expected a tensor of [4,4,4], got [4,4,16]"],
    [
      { latent: "join/decoder/decoded", decoded: "join/decoder/decoded" },
      "decoded: expected a node behind join/decoder/decoded",
    ],
  ];
  for (const [change, message] of wrong) {
    const refused = expect.objectContaining({
      code: "bad-metadata",
      message: expect.stringContaining(`fitted.join.through.${message}`),
    });
    expect(() => fixtureModel((file) => addDetour(file, change)), message).toThrow(refused);
  }
  const stray = (file: Parameters<typeof addDetour>[0]) => {
    addDetour(file);
    file.modelTopology.node.at(-1)!.input[0] = "join/encoder/conv";
  };
  expect(() => fixtureModel(stray)).toThrow("decoded: expected a node behind join/encoder/latent");
  const beside = (file: Parameters<typeof addDetour>[0]) => {
    addDetour(file);
    file.modelTopology.node.at(-1)!.input.push("cat");
  };
  expect(() => fixtureModel(beside)).toThrow(
    /decoded: expected a node that join\/encoder\/latent alone leads to, got join\/decoder\/decoded, which needs left/,
  );
});
