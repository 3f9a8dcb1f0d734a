import "@tensorflow/tfjs-backend-webgpu";
import { dispose, env, ready, setBackend, tensor } from "@tensorflow/tfjs-core";
import { allEdge, readModel, type Segment, shardsFor, splitPlan } from "#shared/model";
import { ReplayingModel, SegmentModel, type TensorValues } from "#shared/runtime";

/** What the benchmark asks, `apps/lab/bench/webgpu.ts`. */
type Asked =
  | { readonly kind: "open"; readonly model: string; readonly exit: string | null }
  | { readonly kind: "run"; readonly by: "tfjs" | "replay"; readonly runs: number };

interface Ran {
  /** Of each run: from feeding until all is submitted, and until the scores are there. */
  readonly jsMs: readonly number[];
  readonly wallMs: readonly number[];
  readonly scores: readonly number[];
}

/** What `npm run -s bench:webgpu` times: an edge worker's part of a run, with and without replay. */
interface Subject {
  readonly segment: Segment;
  readonly image: TensorValues;
  readonly models: { readonly tfjs: SegmentModel; readonly replay: ReplayingModel };
}

let subject: Subject | null = null;
const told: string[] = [];

self.onmessage = async ({ data }: MessageEvent<Asked>): Promise<void> => {
  try {
    self.postMessage({ ok: data.kind === "open" ? await open(data) : await run(data) });
  } catch (thrown) {
    self.postMessage({ failed: String(thrown) });
  }
};

/** @returns whether a replay will run, and why not */
async function open({ model: id, exit }: Extract<Asked, { kind: "open" }>): Promise<string> {
  env().set("WEBGPU_CPU_FORWARD", false);
  await setBackend("webgpu");
  await ready();
  const bytesOf = async (file: string): Promise<Uint8Array> =>
    new Uint8Array(await (await fetch(`/models/${id}/${file}`)).arrayBuffer());
  const model = readModel(await bytesOf("model.json"));
  const { id: last } = model.metadata.exits.at(-1)!;
  const segment = splitPlan(model, allEdge(model, exit ?? last)).head;
  const { shape } = model.nodes[0]!.tensor;
  const count = shape.reduce((a, b) => a * b);
  const values = Float32Array.from({ length: count }, (_, at) => Math.sin(at / 97));
  const later = (): void => {};
  const models = {
    tfjs: new SegmentModel(model),
    replay: new ReplayingModel(model, { later, tell: (message) => told.push(message) }),
  };
  for (const shard of shardsFor(model, segment.nodes)) {
    const bytes = await bytesOf(shard.path);
    for (const one of Object.values(models)) one.addShard(shard, bytes);
  }
  subject = { segment, image: { shape: [1, ...shape], values }, models };
  for (const one of Object.values(models)) await one.runValues(segment, [subject.image]);
  await models.replay.prepare(segment);
  return told.join("; ");
}

/** Runs so many times as the engine does, one after the other. */
async function run({ by, runs }: Extract<Asked, { kind: "run" }>): Promise<Ran> {
  const { segment, image, models } = subject!;
  const jsMs: number[] = [];
  const wallMs: number[] = [];
  let scores: readonly number[] = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    const feed = tensor(image.values, [...image.shape], "float32");
    const outputs = models[by].run(segment, [feed]);
    const reading = outputs[0]!.data();
    // All is submitted; what follows waits for the GPU's process.
    jsMs.push(performance.now() - start);
    scores = [...(await reading)];
    wallMs.push(performance.now() - start);
    dispose([feed, ...outputs]);
  }
  return { jsMs, wallMs, scores };
}
