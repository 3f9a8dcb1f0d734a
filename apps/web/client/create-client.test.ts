import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EddiError } from "#shared/errors";
import type { Answer, EdgeEvent, EdgeRequest, ModelSummary } from "../talk/edge.ts";
import type { Channel } from "../talk/messages.ts";
import type { OptimizerEvent, OptimizerRequest, PlanSummary } from "../talk/optimizer.ts";
import { serve } from "../talk/serve.ts";
import type { Client } from "./client.ts";
import { createClient } from "./create-client.ts";
import type { ClientOptions } from "./options.ts";
import type { WorkerKind } from "./worker-end.ts";

const MODEL = { id: "tiny", version: "v1" } as ModelSummary;
const IMAGE = Float32Array.of(1, 2, 3);
const answerOf = (label: string): Answer => ({ label, scores: Float32Array.of(1) }) as unknown as Answer;

type Asked = EdgeRequest | OptimizerRequest;
/** What a worker does with what it is asked; null: nothing yet. */
type Handle = (asked: Asked) => unknown;

/** The one part of a browser that Node has not: a thread of its own. Its conversation is the real one. */
class StubWorker extends EventTarget {
  readonly kind: WorkerKind;
  readonly asked: Asked[] = [];
  readonly emit: (event: EdgeEvent | OptimizerEvent) => void;
  isEnded = false;
  private readonly near: MessagePort;

  constructor(kind: WorkerKind, handle: Handle) {
    super();
    this.kind = kind;
    const { port1, port2 } = new MessageChannel();
    this.near = port1;
    port1.addEventListener("message", ({ data }) =>
      this.dispatchEvent(new MessageEvent("message", { data })),
    );
    this.emit = serve<Asked, EdgeEvent | OptimizerEvent>(
      port2 as unknown as Channel,
      async (request, signal) => {
        this.asked.push(request);
        const reply = handle(request);
        if (reply === undefined) await new Promise((_, reject) => signal.addEventListener("abort", reject));
        return { reply: await reply };
      },
    );
    port1.start();
    port2.start();
  }

  postMessage(message: unknown, transfer: Transferable[]): void {
    this.near.postMessage(message, transfer as never);
  }

  terminate(): void {
    this.isEnded = true;
    this.near.close();
  }

  die(): void {
    this.dispatchEvent(Object.assign(new Event("error"), { message: "out of memory" }));
  }
}

const usually: Handle = (asked) => {
  if (asked.kind === "open" && "settings" in asked) return MODEL;
  if (asked.kind === "answer") return answerOf("cat");
  return asked.kind === "time" ? 5 : null;
};

let clients: Client[] = [];
beforeEach(() => {
  vi.stubGlobal("ImageBitmap", class {});
});
afterEach(() => {
  for (const client of clients) client.close();
  clients = [];
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function setUp(handle: Handle = usually, options: Partial<ClientOptions> = {}) {
  const workers: StubWorker[] = [];
  const client = createClient({
    baseUrl: "https://service.example/eddi",
    key: "secret",
    model: "tiny",
    startWorker: (kind) => {
      const worker = new StubWorker(kind, handle);
      workers.push(worker);
      return worker as unknown as Worker;
    },
    ...options,
  });
  clients.push(client);
  const problems: EddiError[] = [];
  client.on("problem", (error) => problems.push(error));
  const latest = (kind: WorkerKind): StubWorker => workers.findLast((worker) => worker.kind === kind)!;
  return { client, workers, problems, latest };
}

const seen = (look: () => unknown) => vi.waitFor(() => expect(look()).toBeTruthy());
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "settled",
    (thrown: EddiError) => thrown.code,
  );
/** Whatever a client promises. */
const promisesOf = (client: Client): Promise<unknown>[] => [
  client.ready,
  client.answer(IMAGE),
  client.answer(IMAGE, { signal: new AbortController().signal }),
  client.settle(),
  client.time({ part: "move", runs: 1, elements: 1 }),
];

test("both workers are told of the service first of all, then the edge answers", async () => {
  const { client, latest } = setUp();
  expect(await client.ready).toEqual(MODEL);
  expect((await client.answer(IMAGE)).label).toBe("cat");
  const service = { baseUrl: "https://service.example/eddi/", key: "secret" };
  expect(latest("optimizer").asked[0]).toEqual({ kind: "open", service, cloud: null });
  expect(latest("edge").asked[0]).toMatchObject({
    kind: "open",
    settings: { service, cloud: null, model: "tiny" },
  });
  expect(client.state()).toMatchObject({ model: MODEL, budgetMs: 300, minAccuracy: null });
});

test("both workers are told of the server that has the tails, where that is not the service", async () => {
  const url = "https://triton.example/behind/a/prefix";
  const { client, latest } = setUp(usually, { cloud: { url: new URL(url), kind: "oip" } });
  await client.ready;
  const cloud = { baseUrl: `${url}/`, key: null };
  expect(latest("optimizer").asked[0]).toMatchObject({ kind: "open", cloud });
  expect(latest("edge").asked[0]).toMatchObject({ kind: "open", settings: { cloud } });
});

const OIP = { url: "https://triton.example", kind: "oip" } as const;
test.each([
  [{ cloud: { ...OIP, url: "ftp://triton.example" } }, /^cloud\.url: expected an absolute http .*, got ftp:/],
  [{ cloud: { ...OIP, url: "triton:8000?x=1" } }, /^cloud\.url: expected an absolute http /],
  [{ cloud: { kind: "oip" } }, /^cloud\.url: expected an absolute http .*, got undefined/],
  [{ cloud: { ...OIP, kind: "grpc" } }, /^cloud\.kind: expected one of oip, got grpc/],
  [{ cloud: { url: OIP.url } }, /^cloud\.kind: expected one of oip, got undefined/],
  [{ cloud: OIP.url }, /^cloud: expected an object, got https/],
  [{ cloud: { ...OIP, model: "tiny" } }, /^cloud: expected url,kind,key, got model/],
  [{ cloud: { ...OIP, key: "two words" } }, /^cloud\.key: expected .*, got text of 9 characters/],
  [{ cloud: OIP, transport: "stream" }, /^transport: expected one of fetch, got stream/],
])("options that no plain cloud has are refused: %j", (options, message) => {
  expect(() => setUp(usually, options as never)).toThrow(message);
});

test("an image brings its own budget and accuracy, or has those that are set", async () => {
  const { client, latest } = setUp(usually, { budgetMs: 50, minAccuracy: 0.5 });
  await client.answer(IMAGE);
  client.setBudget(70);
  await client.answer(IMAGE);
  await client.answer(IMAGE, { budgetMs: 90, minAccuracy: null });
  const options = latest("edge").asked.flatMap((asked) => (asked.kind === "answer" ? [asked.options] : []));
  expect(options).toEqual([{ budgetMs: 50 }, { budgetMs: 70 }, { budgetMs: 90, minAccuracy: null }]);
  const told = latest("optimizer").asked;
  expect(told).toContainEqual({ kind: "min-accuracy", minAccuracy: 0.5 });
  expect(told.findLast(({ kind }) => kind === "budget")).toEqual({ kind: "budget", budgetMs: 70 });
});

test("what may not leave the device is told with each image, and to the planner", async () => {
  const { client, latest } = setUp(usually, { phoneOnly: true, earlyExits: false });
  await client.answer(IMAGE);
  client.setPhoneOnly(false);
  await client.answer(IMAGE);
  const options = latest("edge").asked.flatMap((asked) => (asked.kind === "answer" ? [asked.options] : []));
  expect(options).toEqual([{ budgetMs: 300, phoneOnly: true }, { budgetMs: 300 }]);
  const told = latest("optimizer").asked;
  expect(told).toContainEqual({ kind: "phone-only", phoneOnly: true });
  expect(told).toContainEqual({ kind: "early-exits", earlyExits: false });
  expect(told.findLast(({ kind }) => kind === "phone-only")).toEqual({
    kind: "phone-only",
    phoneOnly: false,
  });
});

test.each([
  ["the model is not even chosen", { model: new Promise<string>(() => {}) }, usually],
  ["the model is being opened", {}, () => undefined],
  ["the edge is at work", {}, (asked: Asked) => ("settings" in asked ? MODEL : undefined)],
] as const)(
  "closed while %s, everything settles, and so does what is asked later",
  async (_, options, handle) => {
    const { client, workers, problems } = setUp(handle, options);
    const events: unknown[] = [];
    client.on("objectives", (told) => events.push(told));
    const promises = promisesOf(client).map(codeOf);
    if (!("model" in options)) await seen(() => workers.some(({ asked }) => asked.length > 0));
    client.close();
    client.close();
    const codes = await Promise.all([...promises, ...promisesOf(client).slice(1).map(codeOf)]);
    // Where the model was there that was no failure.
    expect(codes.slice(1)).toEqual(codes.slice(1).map(() => "cancelled"));
    expect(workers.every(({ isEnded }) => isEnded)).toBe(true);
    client.setBudget(100);
    expect(client.state().budgetMs).toBe(300);
    expect([events, problems]).toEqual([[], []]);
  },
);

test("an aborted answer settles at once, whatever the worker does", async () => {
  const { client } = setUp((asked) => (asked.kind === "answer" ? undefined : usually(asked)));
  const giveUp = new AbortController();
  const asked = client.answer(IMAGE, { signal: giveUp.signal });
  await client.ready;
  giveUp.abort();
  expect(await codeOf(asked)).toBe("cancelled");
});

test("an edge worker that dies over an image is replaced, and the image asked about again", async () => {
  let deaths = 0;
  const { client, latest, workers, problems } = setUp((asked) => {
    if (asked.kind !== "answer" || deaths++ > 0) return usually(asked);
    setTimeout(() => latest("edge").die());
    return undefined;
  });
  expect((await client.answer(IMAGE)).label).toBe("cat");
  expect(workers.map(({ kind, isEnded }) => [kind, isEnded])).toEqual([
    ["optimizer", false],
    ["edge", true],
    ["edge", false],
  ]);
  expect(problems.map(({ message }) => message)).toEqual(["the edge worker failed: out of memory"]);
});

test("an edge worker in the place of another believes its exits again, and that is told", async () => {
  const { client, latest } = setUp();
  const told: (readonly object[])[] = [];
  client.on("drift", (drift) => told.push(drift));
  await client.ready;
  const drift = [{ exit: "exit1", count: 30, agreed: 12, expected: 24.5, shift: 1.5 }];
  latest("edge").emit({ kind: "drift", drift });
  await seen(() => client.state().drift.length === 1);
  latest("edge").die();
  await seen(() => client.state().drift.length === 0);
  expect(told).toEqual([drift, []]);
});

test("one that dies ever again is given up, and every promise settles", async () => {
  const { client, latest, workers } = setUp((asked) => {
    if (asked.kind === "answer") setTimeout(() => latest("edge").die());
    return asked.kind === "answer" ? undefined : usually(asked);
  });
  await client.ready;
  for (let image = 0; image < 3; image++) expect(await codeOf(client.answer(IMAGE))).toBe("internal");
  const codes = await Promise.all(promisesOf(client).slice(1).map(codeOf));
  expect(codes).toEqual(codes.map(() => "internal"));
  expect(workers.filter(({ kind }) => kind === "edge")).toHaveLength(4);
});

test("an optimizer that dies is replaced, told all over, and joined with the edge; at last the edge does without", async () => {
  const { client, latest, workers, problems } = setUp();
  await client.ready;
  client.setLoad(5);
  client.setVisible(false);
  const connects = () => latest("edge").asked.filter(({ kind }) => kind === "connect");
  for (let death = 1; death <= 4; death++) {
    await seen(() => latest("optimizer").asked.some(({ kind }) => kind === "connect"));
    latest("optimizer").die();
    await seen(() => connects().length === death);
  }
  expect(connects().map((asked) => "optimizer" in asked && asked.optimizer !== null)).toEqual([
    true,
    true,
    true,
    false,
  ]);
  expect(workers.filter(({ kind }) => kind === "optimizer")).toHaveLength(4);
  expect(latest("optimizer").asked.slice(0, 7)).toEqual([
    { kind: "open", service: { baseUrl: "https://service.example/eddi/", key: "secret" }, cloud: null },
    { kind: "budget", budgetMs: 300 },
    { kind: "load", framesPerSecond: 5 },
    { kind: "min-accuracy", minAccuracy: null },
    { kind: "phone-only", phoneOnly: false },
    { kind: "early-exits", earlyExits: true },
    { kind: "visible", visible: false },
  ]);
  expect(problems).toHaveLength(4);
  expect((await client.answer(IMAGE)).label).toBe("cat");
});

test("a service that cannot be reached is tried again, and told once each time", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  let isThere = false;
  const { client, problems } = setUp((asked) => {
    if (asked.kind === "open" && "settings" in asked && !isThere) throw new EddiError("unavailable", "down");
    return usually(asked);
  });
  expect(await codeOf(client.ready)).toBe("unavailable");
  expect(await codeOf(client.answer(IMAGE))).toBe("unavailable");
  isThere = true;
  const model = new Promise((known) => client.on("model", known));
  await vi.advanceTimersByTimeAsync(5000);
  expect(await model).toEqual(MODEL);
  expect((await client.answer(IMAGE)).label).toBe("cat");
  expect(problems.map(({ message }) => message)).toEqual(["down"]);
});

test("where no worker can be started, or there is no model, that is said, and everything settles", async () => {
  const refuses = (): never => {
    throw new DOMException("of another origin", "SecurityError");
  };
  const none = Promise.reject(new EddiError("not-found", "no model"));
  for (const [options, code] of [
    [{ startWorker: refuses }, "unavailable"],
    [{ model: none }, "not-found"],
    [{ model: Promise.resolve("../x") }, "bad-argument"],
  ] as const) {
    const { client, problems } = setUp(usually, options);
    const codes = await Promise.all(promisesOf(client).map(codeOf));
    expect(codes).toEqual(codes.map(() => code));
    expect(problems.map((error) => error.code)).toEqual([code]);
  }
});

test("two clients know nothing of each other", async () => {
  const one = setUp(usually, { budgetMs: 50 });
  const other = setUp((asked) => (asked.kind === "answer" ? answerOf("dog") : usually(asked)));
  const [first, second] = await Promise.all([one.client.answer(IMAGE), other.client.answer(IMAGE)]);
  expect([first.label, second.label]).toEqual(["cat", "dog"]);
  one.client.setBudget(70);
  one.latest("edge").die();
  one.client.close();
  expect(other.client.state().budgetMs).toBe(300);
  expect(other.problems).toEqual([]);
  expect((await other.client.answer(IMAGE)).label).toBe("dog");
});

test("what workers tell is told on, and stands in the state, until nobody wants to hear it", async () => {
  const { client, latest } = setUp();
  await client.ready;
  const told: string[] = [];
  const conditions: unknown[] = [];
  const end = client.on("plan", ({ budgetMs }) => told.push(`plan ${budgetMs}`));
  client.on("conditions", ({ cloud }) => conditions.push(cloud));
  client.on("progress", () => told.push(`progress ${client.state().loadedBytes}`));
  client.on("engine", (engine) => told.push(`engine ${engine?.backend}`));
  client.on("hold", (isHeld) => told.push(`hold ${isHeld}`));
  client.on("problem", ({ code, message }) => told.push(`${code}: ${message}`));
  const plan = (budgetMs: number, cloud: PlanSummary["cloud"]): void =>
    latest("optimizer").emit({ kind: "summary", summary: { budgetMs, cloud } as PlanSummary });
  plan(1, "unknown");
  plan(2, "up");
  plan(3, "up");
  latest("optimizer").emit({ kind: "hold", isHeld: true });
  const shards = [{ path: "a", bytes: 7, arrivedBytes: 7, state: "ready" }] as const;
  await seen(() => told.length === 4);
  latest("edge").emit({ kind: "shards", shards });
  latest("edge").emit({ kind: "lost", backend: "webgpu", message: "GPU lost" });
  await seen(() => told.length === 7);
  expect(told).toEqual([
    "plan 1",
    "plan 2",
    "plan 3",
    "hold true",
    "progress 7",
    "engine undefined",
    "unavailable: GPU lost; another engine takes its place",
  ]);
  expect(conditions).toEqual(["unknown", "up"]);
  expect(client.state()).toMatchObject({ summary: { budgetMs: 3 }, shards, engine: null });
  end();
  end();
  plan(4, "down");
  await seen(() => conditions.length === 3);
  expect(told).toHaveLength(7);
});

test("who listens hears of every image under way, with its answer; one who throws keeps nobody else from hearing", async () => {
  const thrown: unknown[] = [];
  const catchIt = (error: unknown): void => void thrown.push(error);
  process.prependListener("uncaughtException", catchIt);
  const others = process.listeners("uncaughtException").filter((listener) => listener !== catchIt);
  for (const other of others) process.removeListener("uncaughtException", other);
  try {
    const { client } = setUp();
    const heard: unknown[] = [];
    client.on("answering", () => {
      throw new Error("a listener's own");
    });
    client.on("answering", ({ image, picture, answer }) => heard.push([image, picture(), answer]));
    const answer = client.answer(IMAGE);
    const { label } = await answer;
    const [image, picture, promise] = heard[0] as [unknown, unknown, Promise<Answer>];
    expect([image, picture, (await promise).label]).toEqual([IMAGE, null, label]);
    await seen(() => thrown.length === 1);
    expect(thrown).toMatchObject([{ message: "a listener's own" }]);
  } finally {
    process.removeListener("uncaughtException", catchIt);
    for (const other of others) process.on("uncaughtException", other);
  }
});

const GOOD = { baseUrl: "https://a.example/", model: "tiny" } as const;
const WRONG: readonly (readonly [object, RegExp])[] = [
  [{ model: "tiny" }, /^baseUrl: expected an absolute http or https address, .* got undefined$/],
  [{ ...GOOD, baseUrl: "/v2" }, /^baseUrl: expected .* got "\/v2"$/],
  [{ ...GOOD, baseUrl: "ws://a.example" }, /^baseUrl/],
  [{ ...GOOD, baseUrl: "https://a.example/?x=1" }, /^baseUrl/],
  [{ ...GOOD, baseUrl: "https://me:secret@a.example/" }, /^baseUrl/],
  [
    { ...GOOD, key: "two words" },
    /^key: expected 1 to 256 letters, digits and signs, got text of 9 characters$/,
  ],
  [{ ...GOOD, key: 5 }, /^key/],
  [{ ...GOOD, model: "../x" }, /^model: expected a model's id.* got "\.\.\/x"$/],
  [{ ...GOOD, model: undefined }, /^model/],
  [{ ...GOOD, budgetMs: 1 }, /^budgetMs: expected 5 to 10000, got 1$/],
  [{ ...GOOD, minAccuracy: 90 }, /^minAccuracy: expected 0 to 1 or null, got 90$/],
  [{ ...GOOD, phoneOnly: "yes" }, /^phoneOnly: expected true or false, got yes$/],
  [{ ...GOOD, framesPerSecond: 0 }, /^framesPerSecond/],
  [{ ...GOOD, backend: "cuda" }, /^backend: expected one of webgpu, wasm, webgl, got cuda$/],
  [{ ...GOOD, engine: "v8" }, /^engine: expected one of auto, tfjs, litert, got v8$/],
  [{ ...GOOD, slowdown: 0.5 }, /^slowdown: expected 1 to 1000, got 0.5$/],
  [{ ...GOOD, profile: true }, /^profile/],
  [{ ...GOOD, codec: "uint3" }, /^codec/],
  [{ ...GOOD, transport: "pigeon" }, /^transport: expected one of .*, got pigeon$/],
  [{ ...GOOD, startWorker: "worker.js" }, /^startWorker: expected a function, got worker.js$/],
  [{ ...GOOD, url: "x" }, /^options: expected baseUrl,key,.*, got url$/],
];

test.each(WRONG)("options are checked before anything is begun: %j", (options, message) => {
  const startWorker = vi.fn();
  const create = () => createClient({ startWorker, ...options } as unknown as ClientOptions);
  expect(create).toThrow(
    expect.objectContaining({ code: "bad-argument", message: expect.stringMatching(message) }),
  );
  expect(startWorker).not.toHaveBeenCalled();
});

test("so is what is listened to, and how", () => {
  const { client } = setUp();
  expect(() => client.on("plans" as "plan", () => {})).toThrow(
    /^event: expected one of model, .*, got plans$/,
  );
  expect(() => client.on("plan", null as never)).toThrow(/^listener: expected a function, got null$/);
  expect(() => client.setVisible("yes" as never)).toThrow(
    /^isVisible: expected one of true, false, got yes$/,
  );
  expect(() => client.setDownloading("done" as never)).toThrow(
    /^state: expected one of loading, .*, got done$/,
  );
});
