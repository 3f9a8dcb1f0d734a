import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder, writeImages } from "../data/fixture.ts";
import { findNativeTf } from "../engine/native.ts";
import { openModelFolder, readCoders } from "../files/model-folder.ts";
import { boolAttr, intsAttr } from "../graph-model/node-def.ts";
import { floats, graphFiles, image, ints, node, type TinyModel, writeFiles } from "../import/fixture.ts";
import { runLab } from "../run-lab.ts";
import { atTerminal } from "../terminal/terminal-fixture.ts";

/** As MobileNets end: all places pooled to a map of one, whose channels are the classes. */
const HALVING = { strides: intsAttr([1, 2, 2, 1]) };
const mobile: TinyModel = {
  nodes: [
    image([-1, 32, 32, 3]),
    node("a", "Conv2D", ["input", "a/w"], HALVING),
    node("a/relu", "Relu6", ["a"]),
    node("b", "Conv2D", ["a/relu", "b/w"], HALVING),
    node("b/relu", "Relu6", ["b"]),
    node("c", "Conv2D", ["b/relu", "c/w"], HALVING),
    node("c/relu", "Relu6", ["c"]),
    node("pool", "Mean", ["c/relu", "axes"], { keep_dims: boolAttr(true) }),
    node("last", "Conv2D", ["pool", "last/w"]),
    node("flat", "Reshape", ["last", "shape"]),
    node("scores", "Softmax", ["flat"]),
  ],
  constants: [
    floats("a/w", [3, 3, 3, 6]),
    floats("b/w", [3, 3, 6, 8]),
    floats("c/w", [3, 3, 8, 12]),
    ints("axes", [1, 2]),
    floats("last/w", [1, 1, 12, 4]),
    ints("shape", [-1, 4]),
  ],
};

describe.skipIf(!findNativeTf())("lab train-codec (needs @tensorflow/tfjs-node)", () => {
  let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
  let photos: string;
  let folder: string;
  beforeAll(async () => {
    scratch = await temporaryFolder();
    photos = path.join(scratch.folder, "photos");
    await writeImages(photos, { a: 100 });
    folder = path.join(scratch.folder, "mine");
    const place = await writeFiles(path.join(scratch.folder, "foreign"), graphFiles(mobile));
    const { status, stderr } = await lab("import", place, "--id", "mine", "--repeats", "0", "--out", folder);
    expect(status, stderr).toBe(0);
  });
  afterEach(() => vi.unstubAllEnvs());
  afterAll(() => scratch.remove());

  function lab(...args: readonly string[]) {
    vi.stubEnv("XDG_CACHE_HOME", scratch.folder);
    vi.stubEnv("EDDI_DATA", "");
    return atTerminal(() => runLab(args));
  }
  const train = (tensor: string, ...args: readonly string[]) => {
    const state = path.join(scratch.folder, "states", tensor);
    return lab(
      "train-codec",
      folder,
      "--tensor",
      tensor,
      "--checkpoints",
      state,
      "--minutes",
      "0.02",
      "--json",
      ...args,
    );
  };

  test("an imported model without labels of ours gets one, from photos of other classes", {
    timeout: 120_000,
  }, async () => {
    const { status, stdout, stderr } = await train("a/relu", "--data", photos);
    expect(status, stderr).toBe(0);
    // Not the map of one place behind the pooling.
    expect(JSON.parse(stdout)).toMatchObject({
      tensor: "a/relu",
      replaces: "c/relu",
      recipe: { labelWeight: 0 },
    });
    const opened = await openModelFolder(folder);
    const { detours, metadata } = opened.model;
    expect(detours.get("a/relu")).toMatchObject({ replaces: "c/relu" });
    const { rates } = metadata.fitted!["a/relu"]!;
    const [coder] = (await readCoders(folder, opened.model)).get("a/relu")!;
    const { encoder, decoder } = detours.get("a/relu")!;
    const head = { nodes: ["a", "a/relu", ...encoder.nodes], feeds: ["input"], outputs: encoder.outputs };
    const pixels = Float32Array.from({ length: 32 * 32 * 3 }, (_, at) => (at % 255) / 255);
    const [latent] = await opened.runValues(head, [{ shape: [1, 32, 32, 3], values: pixels }]);
    const told = new Float32Array(latent!.values.length);
    coder!.decode(coder!.encode(latent!.values), told);
    const [made] = await opened.runValues(decoder, [{ shape: latent!.shape, values: told }]);
    expect(made!.shape).toEqual([1, 4, 4, 12]);
    expect(made!.values.every(Number.isFinite)).toBe(true);
    opened.dispose();
    for (const { loss, bytes } of rates) {
      expect(Object.keys(loss)).toEqual(["full"]);
      expect(bytes).toBeGreaterThan(0);
    }
    const card = await readFile(path.join(folder, "card.md"), "utf8");
    expect(card).toContain(
      "the photos are of other classes: right is what the model's last exit says of them",
    );
  });

  test("who names no photos is told that any will do; a map of one place is none to encode", async () => {
    const none = await train("b/relu");
    expect(none.status).toBe(2);
    expect(none.stderr).toContain(
      "--data: expected photos, of whatever classes: a folder of them or a published set; got none",
    );
    const one = await train("pool", "--data", photos);
    expect([one.status, one.stderr]).toEqual([
      2,
      expect.stringMatching(/--tensor: expected a map .*; got pool/),
    ]);
  });
});
