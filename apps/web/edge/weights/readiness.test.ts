import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import { allCloud, allEdge, edgeNodes, exitById, readModel, type Shard } from "#shared/model";
import { Readiness, type ReadinessOptions } from "./readiness.ts";

const model = readModel(readFileSync("models/tiny/model.json"));
const [first, last] = [model.metadata.exits[0]!.id, model.metadata.exits.at(-1)!.id];
const never = new AbortController().signal;

let open: Readiness | null = null;
afterEach(() => open?.close(new EddiError("cancelled", "the test is over")));

function setUp(options: Partial<ReadinessOptions> = {}) {
  const log: string[] = [];
  const problems: string[] = [];
  const readiness = new Readiness({
    model,
    engine: async () => ({
      warmUp: async (segment) => {
        log.push(`warm ${segment.outputs}`);
      },
    }),
    load: async (shards: readonly Shard[]) => {
      log.push(`load ${shards.map(({ path }) => path)}`);
    },
    onReady: () => {},
    onProblem: ({ message }) => problems.push(message),
    ...options,
  });
  open = readiness;
  return { readiness, log, problems };
}

test("the first exit gets ready before the head that is wanted", async () => {
  const { readiness, log } = setUp();
  readiness.want(allEdge(model, last));
  await readiness.settled();
  const [firstExit, lastExit] = [model.metadata.exits[0]!.node, model.metadata.exits.at(-1)!.node];
  expect(log.filter((entry) => entry.startsWith("warm"))).toEqual([`warm ${firstExit}`, `warm ${lastExit}`]);
  expect(log[0]).toMatch(/^load/);
  expect(readiness.isReady(allEdge(model, last).head)).toBe(true);
});

test("no weights are fetched but for the first exit when everything else is for the cloud", async () => {
  const { readiness, log } = setUp();
  readiness.want(allCloud(model, last));
  await readiness.settled();
  expect(log).toHaveLength(2);
  expect([...readiness.nodes].sort()).toEqual([...allEdge(model, first).head].sort());
});

test("a failure is told and tried again later", async () => {
  let broken = true;
  const { readiness, problems } = setUp({
    retryMs: 5,
    load: async () => {
      if (broken) throw new EddiError("bad-weights", "corrupt");
    },
  });
  await readiness.settled();
  // On a slow machine it is tried again before we look.
  expect([...new Set(problems)]).toEqual(["corrupt"]);
  expect(readiness.nodes.size).toBe(0);
  broken = false;
  await expect.poll(() => readiness.isReady(allEdge(model, first).head)).toBe(true);
});

test("without an engine nothing gets ready, and a given plan is refused", async () => {
  const { readiness, log } = setUp({ engine: async () => null });
  await readiness.settled();
  await expect(readiness.prepare(allEdge(model, first), never)).rejects.toMatchObject({
    code: "unavailable",
  });
  expect(log).toEqual([]);
});

test("a plan with early exits gets ready stage by stage, with their branches", async () => {
  const { readiness, log } = setUp();
  await readiness.settled();
  log.length = 0;
  const [first, second] = model.metadata.exits;
  const plan = {
    ...allEdge(model, last),
    early: [first!, second!].map(({ id }) => ({ exit: id, threshold: 0.5 })),
  };
  readiness.want(plan);
  await readiness.settled();
  expect(readiness.isReady(edgeNodes(model, plan))).toBe(true);
  const warmed = log.filter((entry) => entry.startsWith("warm")).map((entry) => entry.split(/[ ,]/)[1]);
  expect(warmed).toEqual(model.metadata.exits.map(({ node }) => node));
  log.length = 0;
  await readiness.prepare({ ...plan, early: plan.early.map((one) => ({ ...one, threshold: 0.9 })) }, never);
  expect(log).toEqual([]);
  // All nodes are ready, but this way to the second exit has not been run.
  await readiness.prepare({ ...plan, early: plan.early.slice(1) }, never);
  const { node } = exitById(model.metadata, plan.early[1]!.exit);
  expect(log.filter((entry) => entry.startsWith("warm"))).toEqual([expect.stringContaining(`warm ${node}`)]);
});

test("with another engine everything is made ready anew, and who waits for it meanwhile waits for that", async () => {
  const warmed: string[] = [];
  let engine = "first";
  let loseIt = (): void => {};
  const lost = new Promise<never>((_, reject) => {
    loseIt = () => reject(new EddiError("unavailable", "device lost"));
  });
  lost.catch(() => {});
  const reported: number[] = [];
  const { readiness, problems, log } = setUp({
    engine: async () => {
      const own = engine;
      return {
        warmUp: async () => {
          warmed.push(own);
          if (own === "first" && warmed.length > 1) await lost;
        },
      };
    },
    onReady: (nodes) => reported.push(nodes.size),
  });
  await readiness.settled();
  expect(readiness.isReady(allEdge(model, first).head)).toBe(true);
  const waiting = readiness.prepare(allEdge(model, last), never);
  await expect.poll(() => warmed.length).toBe(2);
  engine = "second";
  readiness.restart();
  expect(readiness.isReady(allEdge(model, first).head)).toBe(false);
  loseIt();
  await waiting;
  await readiness.settled();
  expect(readiness.isReady(allEdge(model, last).head)).toBe(true);
  expect(readiness.isReady(allEdge(model, first).head)).toBe(true);
  expect(warmed.slice(2).every((own) => own === "second")).toBe(true);
  expect(reported).toContain(0);
  expect(log.filter((entry) => entry.startsWith("load")).length).toBeGreaterThan(2);
  expect(problems).toEqual([]);
});

test("a plan that computes nothing here needs no engine", async () => {
  const { readiness } = setUp({ engine: async () => null });
  await readiness.prepare(allCloud(model, last), never);
  await expect(readiness.prepare(allEdge(model, first), never)).rejects.toMatchObject({
    code: "unavailable",
  });
});
