import { expect, test } from "vitest";
import { fixtureBytes, fixtureModel, fixtureShard } from "./fixture.ts";
import { exitById, float32Bytes, measuredWorth, readModel, shardsFor, verifyShard } from "./model.ts";

test("the DAG holds what computes, from the input to the exits; constants, identities and loose ends are dropped", () => {
  const { dag, nodes } = fixtureModel();
  expect(dag.names[0]).toBe("image");
  expect(nodes.map(({ name }) => name)).toEqual(dag.names);
  expect(dag.names.toSorted()).toEqual(
    "cat deep exit-1 exit-2 exit-3 image join last left pool-1 pool-2 pool-3 right stem".split(" "),
  );
  const readers = (name: string) =>
    dag.successors[dag.names.indexOf(name)]!.map((node) => dag.names[node]).toSorted();
  expect(readers("stem")).toEqual(["deep", "join"]);
  expect(readers("join")).toEqual(["left", "pool-1", "right"]);
});

test("every operation of the file is accounted for", () => {
  // `same` passes on what it reads, `loose` lies behind the last exit.
  const { operations, nodes } = fixtureModel();
  expect(operations).toEqual({ total: 24, constants: 8, identities: 1, unneeded: 1 });
  expect(nodes.length).toBe(24 - 8 - 1 - 1);
});

test("the version changes with any byte of the file", () => {
  const versions = [
    fixtureModel(),
    fixtureModel((file) => {
      file.userDefinedMetadata.eddi.exits[0]!.accuracy = 0.61;
    }),
    readModel(new Uint8Array([...fixtureBytes(), 0x20])),
  ].map(({ version }) => version);
  expect(new Set(versions).size).toBe(3);
  for (const version of versions) expect(version).toMatch(/^[0-9a-f]{16}$/);
});

test("the shards of some nodes are those that hold their weights, in the manifest's order", () => {
  const model = fixtureModel();
  const paths = (names: string[]) => shardsFor(model, names).map(({ path }) => path[5]);
  expect(paths(["image", "join", "right"])).toEqual([]);
  expect(paths(["deep"])).toEqual(["1"]);
  expect(paths(["exit-2", "stem", "pool-2"])).toEqual(["1", "2", "3"]);
  expect(paths([...model.dag.names])).toEqual(["1", "2", "3"]);
});

test("a shard passes only unchanged", () => {
  for (const shard of fixtureModel().shards) {
    const bytes = fixtureShard(shard.path);
    verifyShard(shard, bytes);
    const code = expect.objectContaining({ code: "bad-weights" });
    expect(() => verifyShard(shard, bytes.subarray(1))).toThrow(code);
    expect(() => verifyShard(shard, bytes.with(bytes.length >> 1, 1))).toThrow(code);
  }
});

test("an exit is found by its id, and a missing one says which there are", () => {
  const { metadata } = fixtureModel();
  for (const exit of metadata.exits) expect(exitById(metadata, exit.id)).toBe(exit);
  expect(() => exitById(metadata, "late")).toThrow(/early, middle, full.*late/);
});

test("bytes of a tensor are four per value", () => {
  const stem = fixtureModel().nodes.find(({ name }) => name === "stem")!;
  expect(float32Bytes(stem.tensor)).toBe(4 * 8 * 8 * 8);
});

test("what is not a graph-model is refused, never misread", () => {
  const refused = (code: string, bytes: Uint8Array) =>
    expect(() => readModel(bytes)).toThrow(expect.objectContaining({ code }));
  refused("bad-model", new Uint8Array([1, 2, 3]));
  for (const text of ["null", "[]", "7", "{}"]) refused("bad-model", new TextEncoder().encode(text));
  const withNode = (change: (node: { name: string; op: string; input: string[] }) => void, name: string) =>
    fixtureBytes((file) => change(file.modelTopology.node.find((node) => node.name === name)!));
  const withInput = (name: string, input: string[]) =>
    withNode((node) => {
      node.input = input;
    }, name);
  refused("bad-model", withInput("deep", ["nowhere"]));
  refused("bad-model", withInput("stem", ["join"]));
  refused("bad-model", withInput("same", ["same"]));
  refused("bad-model", withInput("deep", ["same:1"]));
  refused("bad-model", withInput("deep", ["W_DEEP"]));
  refused(
    "bad-metadata",
    fixtureBytes((file) => delete (file.userDefinedMetadata as { eddi?: unknown }).eddi),
  );
  refused(
    "bad-metadata",
    fixtureBytes((file) => delete file.userDefinedMetadata.eddi.tensors.deep),
  );
  refused(
    "bad-metadata",
    fixtureBytes((file) => file.weightsManifest[0]!.paths.splice(0, 1, "../x")),
  );
  for (const wrong of [null, 7, { name: "a" }, { name: "a", op: "b", input: [1] }]) {
    refused(
      "bad-model",
      fixtureBytes((file) => file.modelTopology.node.push(wrong as never)),
    );
    refused(
      "bad-model",
      fixtureBytes((file) => file.weightsManifest.push(wrong as never)),
    );
    refused(
      "bad-model",
      fixtureBytes((file) => file.weightsManifest[0]!.weights.push(wrong as never)),
    );
  }
  const otherExit = fixtureBytes((file) => {
    file.userDefinedMetadata.eddi.exits[1]!.node = "same";
  });
  refused("bad-metadata", otherExit);
});

test("exits are worth their accuracy, or without labels how often they agree with the last one", () => {
  const exit = (more: object) => ({ id: "a", node: "n", accuracy: null, ...more });
  const worths = (...exits: readonly ReturnType<typeof exit>[]) =>
    exits.map((one) => measuredWorth({ ...fixtureModel().metadata, exits }, one));
  expect(worths(exit({ accuracy: 0.6 }), exit({ accuracy: 0.8 }))).toEqual([0.6, 0.8]);
  expect(worths(exit({ agreement: 0.7 }), exit({}))).toEqual([0.7, 1]);
  expect(worths(exit({ agreement: 0.7 }), exit({}), exit({}))).toEqual([null, null, null]);
  expect(worths(exit({ accuracy: 0.6, agreement: 0.7 }), exit({}))).toEqual([0.6, null]);
  expect(worths(exit({}))).toEqual([null]);
});
