import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test, vi } from "vitest";
import { elementCount, readModel, tailOf } from "#shared/model";
import { decodeTensor } from "#shared/protocol";
import { openEngine } from "../../engines/index.ts";
import { exportOnnxCommand } from "../commands/export-onnx.ts";

const folder = mkdtempSync(join(tmpdir(), "eddi-triton-"));
afterAll(() => rmSync(folder, { recursive: true }));
const read = (path: string): Uint8Array =>
  readFileSync(new URL(`../../../models/tiny/${path}`, import.meta.url));
const MODEL = readModel(read("model.json"));

async function written(name: string, ...options: readonly string[]): Promise<string> {
  const silent = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  await exportOnnxCommand.run(["tiny", "--repository", join(folder, name), ...options]);
  silent.mockRestore();
  return join(folder, name);
}

test("every cut that can be best is a model of each datatype, with a config of its own name", async () => {
  const repository = await written("plain");
  const names = readdirSync(repository);
  expect(names).toContain("tiny~exit1~image");
  expect(names).toContain("tiny~exit3~stem:pool~uint8");
  for (const name of names) {
    expect(readdirSync(join(repository, name)).toSorted()).toEqual(["1", "config.pbtxt"]);
    expect(readText(readFileSync(join(repository, name, "config.pbtxt"), "utf8"))).toMatchObject({
      name: [name],
    });
  }
  expect(names.filter((name) => name.endsWith("~uint8"))).toHaveLength(names.length / 2);
});

test("a config says what Triton needs to know", async () => {
  const repository = await written("tensorrt", "--max-batch", "8", "--tensorrt");
  const text = readFileSync(join(repository, "tiny~exit3~stem:pool~uint8", "config.pbtxt"), "utf8");
  const zeros = {
    key: ["stem/pool"],
    value: [{ data_type: ["TYPE_UINT8"], dims: [16, 16, 8], zero_data: [true] }],
  };
  expect(readText(text)).toEqual({
    name: ["tiny~exit3~stem:pool~uint8"],
    backend: ["onnxruntime"],
    max_batch_size: [8],
    input: [{ name: ["stem/pool"], data_type: ["TYPE_UINT8"], dims: [16, 16, 8] }],
    output: [{ name: ["exit3"], data_type: ["TYPE_FP32"], dims: [10] }],
    dynamic_batching: [{}],
    model_warmup: [
      { name: ["1 at once"], batch_size: [1], inputs: [zeros] },
      { name: ["8 at once"], batch_size: [8], inputs: [zeros] },
    ],
    optimization: [{ execution_accelerators: [{ gpu_execution_accelerator: [{ name: ["tensorrt"] }] }] }],
  });
});

test("what is written answers as the service does, from the bytes that the codec uint8 sends", async ({
  skip,
}) => {
  const ort = findOrt() ?? skip("onnxruntime-node is not installed");
  const { load } = await openEngine("wasm");
  const tfjs = load(MODEL);
  for (const shard of MODEL.shards) tfjs.addShard(shard, read(shard.path));
  const repository = await written("run");
  for (const name of readdirSync(repository).filter((one) => one.endsWith("~uint8"))) {
    const [, exit, cut] = name.split("~");
    const feed = cut!.replaceAll(":", "/");
    const info = MODEL.metadata.tensors[feed]!;
    const data = Uint8Array.from({ length: 2 * elementCount(info.shape) }, (_, at) => (at * 37) % 256);
    const shape = [2, ...info.shape];
    const values = decodeTensor({ name: feed, datatype: "UINT8", shape, data }, info, {});
    const [expected] = await tfjs.runValues(tailOf(MODEL, [feed], exit!), [values]);
    const session = await ort.InferenceSession.create(join(repository, name, "1", "model.onnx"));
    const found = await session.run({ [feed]: new ort.Tensor("uint8", data, shape) });
    const off = expected!.values.map((value, at) => Math.abs(value - found[exit!]!.data[at]!));
    expect(Math.max(...off), name).toBeLessThan(1e-5);
  }
  tfjs.dispose();
});

test("a model that is not there is told", async () => {
  const asked = exportOnnxCommand.run(["nowhere", "--repository", join(folder, "none")]);
  await expect(asked).rejects.toMatchObject({ code: "not-found" });
});

test("a repository that cannot be written is told", async () => {
  const file = fileURLToPath(new URL("../../../models/tiny/model.json", import.meta.url));
  const asked = exportOnnxCommand.run(["tiny", "--repository", join(file, "below")]);
  await expect(asked).rejects.toMatchObject({
    code: "bad-argument",
    message: expect.stringMatching(/^--repository: expected a folder that can be written, got .*below/),
  });
});

/** The part of onnxruntime-node that is called here. */
interface Ort {
  readonly InferenceSession: {
    create(file: string): Promise<{ run(feeds: object): Promise<Record<string, { data: Float32Array }>> }>;
  };
  readonly Tensor: new (type: string, data: Uint8Array, shape: readonly number[]) => object;
}

function findOrt(): Ort | null {
  try {
    return createRequire(import.meta.url)("onnxruntime-node") as Ort;
  } catch {
    return null;
  }
}

type Fields = { [name: string]: (Fields | string | number | boolean)[] };

/** Reads protobuf's text format: fields by name, each with all its values. Lists in brackets are as many values. */
function readText(text: string): Fields {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g) ?? [];
  let at = 0;
  const value = (): Fields | string | number | boolean => {
    const token = tokens[at++]!;
    if (token === "{") return fields();
    if (token.startsWith('"')) return JSON.parse(token) as string;
    if (token === "true" || token === "false") return token === "true";
    return Number.isNaN(Number(token)) ? token : Number(token);
  };
  const fields = (): Fields => {
    const found: Fields = {};
    while (at < tokens.length && tokens[at] !== "}") {
      const name = tokens[at++]!;
      found[name] ??= [];
      if (tokens[at] === ":") at++;
      if (tokens[at] !== "[") found[name].push(value());
      else while (tokens[at++] !== "]") if (tokens[at] !== "]") found[name].push(value());
    }
    at++;
    return found;
  };
  return fields();
}
