import { once } from "node:events";
import os from "node:os";
import { Agent } from "undici";
import { WebSocket } from "ws";
import { ancestors } from "#shared/graph";
import { elementCount, exitById, type Model, splitPlan } from "#shared/model";
import {
  decodeReply,
  encodeCall,
  encodeRequest,
  encodeTensor,
  type Frame,
  HEADER_LENGTH,
  parseServerTiming,
  STREAM_PATH,
  STREAM_PROTOCOL,
} from "#shared/protocol";
import { type Random, randomFor } from "#shared/random";
import { command } from "../commands/command.ts";
import { text, whole } from "../commands/option.ts";
import { outOption, seedOption, writeOut } from "../commands/shared-options.ts";
import { modelFolder, readModelFolder } from "../files/model-folder.ts";
import { Service } from "../rig/service.ts";
import { runOrTell } from "../terminal/run-or-tell.ts";
import { timingOf } from "./statistics.ts";

/** Of each way, not counted: a service that has run for a while has its code compiled, which takes so many. */
const WARM_UPS = 1500;
/** The first of these, told apart: what the first clients of a new service meet. */
const COLD = 100;

const transportBench = command({
  name: "bench:transport",
  call: "npm run -s bench:transport --",
  about: `Sends one request again and again to a service on this machine, in turn by fetch (undici, keep-alive) and over
the stream, one at a time, and prints JSON: milliseconds of a request less those that the tail computes.`,
  options: {
    model: text("ID", "model", "resnet-imagenette"),
    bytes: whole("cuts at the tensor whose uint8 values are nearest to so many", 1, 3000),
    samples: whole("of each", 1, 600),
    seed: seedOption("of the tensor's values"),
    out: outOption("writes the JSON there too"),
  },
  rest: "options of the service",
  run: ({ options, rest }) => run(options, rest),
});

interface BenchOptions {
  readonly model: string;
  readonly bytes: number;
  readonly samples: number;
  readonly seed: number;
  readonly out: string | undefined;
}

await runOrTell(() => transportBench.run(process.argv.slice(2)));

async function run(options: BenchOptions, serviceArgs: readonly string[]): Promise<void> {
  const { samples, seed, out } = options;
  const model = await readModelFolder(modelFolder(options.model));
  const cut = nearestCut(model, options.bytes);
  const frame = frameOf(model, cut, randomFor(seed, 1));
  const service = await Service.start(serviceArgs);
  const url = `http://127.0.0.1:${service.port}`;
  const ways = { fetch: overFetch(url, model, frame), stream: await overStream(url, model, frame) };
  const times = { fetch: [] as Sample[], stream: [] as Sample[] };
  const cold = { fetch: [] as Sample[], stream: [] as Sample[] };
  try {
    for (let at = -WARM_UPS; at < samples; at++) {
      // Who comes first may find other things done.
      const order = at % 2 === 0 ? (["fetch", "stream"] as const) : (["stream", "fetch"] as const);
      for (const way of order) {
        const sample = await timed(ways[way].send);
        if (at >= 0) times[way].push(sample);
        else if (at < COLD - WARM_UPS) cold[way].push(sample);
      }
    }
  } finally {
    await Promise.all([ways.fetch.close(), ways.stream.close()]);
    await service.stop();
  }
  const report = {
    bench: "transport",
    model: options.model,
    version: model.version,
    cut,
    requestBytes: frame.body.byteLength,
    seed,
    samples,
    node: process.version,
    device: os.cpus()[0]?.model ?? os.arch(),
    fetch: summary(times.fetch, cold.fetch),
    stream: summary(times.stream, cold.stream),
  };
  const json = `${JSON.stringify(report, null, 1)}\n`;
  process.stdout.write(json);
  if (out !== undefined) await writeOut(out, json);
}

interface Sample {
  readonly elapsedMs: number;
  /** Of that, by the service: waiting, with the ways to the worker and back; and running. */
  readonly queueMs: number;
  readonly computeMs: number;
}

/** A way to the service. */
interface Way {
  /** @returns what the service told of its times */
  send(): Promise<Omit<Sample, "elapsedMs">>;
  close(): Promise<void>;
}

async function timed(send: Way["send"]): Promise<Sample> {
  const startMs = performance.now();
  const times = await send();
  return { elapsedMs: performance.now() - startMs, ...times };
}

function overFetch(url: string, model: Model, { body, jsonBytes }: Frame): Way {
  const agent = new Agent({ connections: 1, keepAliveTimeout: 60_000 });
  const path = `/v2/models/${model.metadata.id}/versions/${model.version}/infer`;
  const headers = { "content-type": "application/octet-stream", [HEADER_LENGTH]: `${jsonBytes}` };
  return {
    send: async () => {
      const answer = await agent.request({ origin: url, path, method: "POST", headers, body });
      const bytes = await answer.body.arrayBuffer();
      if (answer.statusCode !== 200) throw new Error(new TextDecoder().decode(bytes));
      return parseServerTiming(String(answer.headers["server-timing"]));
    },
    close: () => agent.close(),
  };
}

async function overStream(url: string, model: Model, frame: Frame): Promise<Way> {
  const socket = new WebSocket(url.replace("http", "ws") + STREAM_PATH, STREAM_PROTOCOL);
  await once(socket, "open");
  let id = 0;
  let answered: (data: Buffer) => void = () => {};
  socket.on("message", (data: Buffer) => answered(data));
  const { version } = model;
  const call = { kind: "infer", model: model.metadata.id, version, encoding: null, ...frame } as const;
  return {
    send: async () => {
      const data = await new Promise<Buffer>((resolve) => {
        answered = resolve;
        socket.send(encodeCall({ ...call, id: id++ }));
      });
      const reply = decodeReply(data);
      if (reply.kind === "leave" || reply.times === null) throw new Error(`got ${data.subarray(28)}`);
      return reply.times;
    },
    close: async () => {
      const closed = once(socket, "close");
      socket.close();
      await closed;
    },
  };
}

/** The tensor that alone is a cut and comes nearest in size. */
function nearestCut(model: Model, bytes: number): string {
  const { dag, metadata } = model;
  const exit = metadata.exits.at(-1)!.id;
  const before = (node: string): string[] => {
    const member = ancestors(dag, dag.names.indexOf(node));
    return dag.names.filter((_, at) => member[at]);
  };
  const cuts = before(exitById(metadata, exit).node).flatMap((node) => {
    const { cut, tail } = splitPlan(model, { exit, head: before(node) });
    return tail !== null && cut.length === 1 ? cut : [];
  });
  const distance = (name: string): number => Math.abs(elementCount(metadata.tensors[name]!.shape) - bytes);
  return cuts.sort((one, other) => distance(one) - distance(other))[0]!;
}

/** The cut's tensor as uint8, half of its values 0 as behind a ReLU. */
function frameOf({ metadata }: Model, cut: string, random: Random): Frame {
  const { shape } = metadata.tensors[cut]!;
  const values = Float32Array.from({ length: elementCount(shape) }, () => Math.max(0, 2 * random() - 1));
  const { tensor, parameters } = encodeTensor(cut, [1, ...shape], values, "uint8");
  return encodeRequest({
    parameters: { exit: metadata.exits.at(-1)!.id, ...parameters },
    inputs: [tensor],
    outputs: [],
    binaryOutputs: true,
  });
}

function summary(samples: readonly Sample[], cold: readonly Sample[]) {
  const rests = samples.map(restOf).sort((a, b) => a - b);
  const rest = timingOf(rests);
  const wire = timingOf(samples.map((sample) => restOf(sample) - sample.queueMs));
  const compute = timingOf(samples.map(({ computeMs }) => computeMs));
  return {
    medianMs: round(rest.median),
    p95Ms: round(rest.p95),
    // What it takes when nothing else wants the processor.
    p5Ms: round(rests[Math.floor(rests.length / 20)]!),
    // Of the median: outside of the service's queue and worker.
    wireMedianMs: round(wire.median),
    computeMedianMs: round(compute.median),
    // Of the first requests that the service ever had.
    coldMedianMs: round(timingOf(cold.map(restOf)).median),
  };
}

function restOf({ elapsedMs, computeMs }: Sample): number {
  return elapsedMs - computeMs;
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
