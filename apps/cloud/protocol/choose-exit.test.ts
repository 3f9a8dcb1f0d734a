import type { LightMyRequestResponse } from "fastify";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { findNamed } from "../models/named-model.ts";
import { loadModels } from "../models/registry.ts";
import { buildServer } from "../server.ts";
import type { Executor } from "../tails/executor.ts";
import {
  floatTensor,
  MODELS_DIR,
  post,
  readResponse,
  request,
  testConfig,
  tinyImage,
} from "../testing/fixture.ts";
import { chooseExit } from "./choose-exit.ts";

const registry = await loadModels(MODELS_DIR);
const named = findNamed(registry, "tiny", null);
const { model } = named;
const image = tinyImage();

/** Each node of a tail takes a millisecond. */
const executor = (waitMs: number, isGuess = false): Pick<Executor, "forecast"> => ({
  forecast: ({ segment }) => ({ waitMs, runMs: segment.nodes.length, isGuess }),
});
const choose = (
  change: { waitMs?: number; leftMs?: number; isGuess?: boolean; parameters?: object } = {},
  inputs = [image] as Parameters<typeof request>[0],
) => {
  const { waitMs = 0, leftMs = Number.POSITIVE_INFINITY, isGuess = false, parameters = {} } = change;
  const asked = request(inputs, { parameters: { allow_earlier_exit: true, ...parameters } });
  const finishBy = () => performance.now() + leftMs;
  return chooseExit(named, asked, executor(waitMs, isGuess), { maxBatch: 32, maxQueueMs: 100, finishBy });
};
const exitOf = (...given: Parameters<typeof choose>) => choose(...given).exits[0]!.id;

describe("the exit that a request gets", () => {
  // Half a millisecond decides.
  beforeEach(() => {
    vi.spyOn(performance, "now").mockReturnValue(1000);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test("is the one it asks for while the service is calm, or where it allows no other", () => {
    expect(choose()).toMatchObject({ exits: [{ id: "exit3" }], isEarlier: false });
    expect(exitOf({ waitMs: 49 })).toBe("exit3");
    expect(exitOf({ waitMs: 99, parameters: { allow_earlier_exit: false } })).toBe("exit3");
    expect(exitOf({ leftMs: 1, parameters: { allow_earlier_exit: false } })).toBe("exit3");
  });

  test("comes earlier the fuller the queue is, and is told", () => {
    const exits = [50, 60, 70, 80, 90, 99, 200].map((waitMs) => Number(exitOf({ waitMs }).slice(4)));
    expect(exits[0]).toBe(3);
    expect(exits.at(-1)).toBe(1);
    expect(exits).toEqual([...exits].sort((a, b) => b - a));
    expect(choose({ waitMs: 99 }).isEarlier).toBe(true);
  });

  test("is the latest that is expected in time; what is but guessed counts only its wait", () => {
    const nodes = (exit: string) =>
      chooseExit(named, request([image], { parameters: { exit } }), executor(0), {
        maxBatch: 1,
        maxQueueMs: 100,
        finishBy: () => 0,
      }).segment.nodes.length;
    expect(exitOf({ leftMs: nodes("exit3") + 5 })).toBe("exit3");
    expect(exitOf({ leftMs: nodes("exit2") + 0.5 })).toBe("exit2");
    expect(exitOf({ leftMs: 0.5 })).toBe("exit1");
    expect(exitOf({ leftMs: 0.5, isGuess: true })).toBe("exit3");
  });

  test("is never one whose cut the tensors are not", () => {
    const exit2 = model.metadata.exits[1]!.node;
    const behind = model.nodes.find(({ name }) => {
      try {
        chooseExit(named, request([floatTensor(name, [1], new Float32Array(1))]), executor(0), {
          maxBatch: 1,
          maxQueueMs: 100,
          finishBy: () => 0,
        });
        return model.dag.names.indexOf(name) > model.dag.names.indexOf(exit2);
      } catch {
        return false;
      }
    })!;
    const shape = [1, ...behind.tensor.shape];
    const values = new Float32Array(shape.reduce((product, side) => product * side, 1));
    expect(exitOf({ waitMs: 500 }, [floatTensor(behind.name, shape, values)])).toBe("exit3");
  });

  test("cannot be both several and an earlier one", () => {
    const outputs = ["exit1", "exit2"].map((name) => ({ name, binary: true }));
    const asked = request([image], { outputs, parameters: { allow_earlier_exit: true } });
    const limits = { maxBatch: 1, maxQueueMs: 100, finishBy: () => 0 };
    expect(() => chooseExit(named, asked, executor(0), limits)).toThrow("expected one output, got 2");
    expect(() => choose({ parameters: { allow_earlier_exit: "yes" } })).toThrow(
      "parameter allow_earlier_exit: expected true or false, got yes",
    );
  });
});

test("under load the service answers at earlier exits before it refuses, tells so and counts", async () => {
  const server = await buildServer(testConfig({ maxQueueMs: 100 }));
  await server.ready;
  const ask = (parameters: object) => post(server.app, request([image], { parameters: { ...parameters } }));
  for (let at = 0; at < 5; at++) await ask({});
  const counts = { exit1: 0, exit2: 0, exit3: 0, refused: 0 };
  const count = (answer: LightMyRequestResponse): void => {
    if (answer.statusCode === 503) {
      expect(Number(answer.headers["retry-after"])).toBeGreaterThanOrEqual(1);
      expect(answer.headers["server-timing"]).toMatch(/expected;dur=\d/);
      counts.refused++;
      return;
    }
    const { outputs, parameters } = readResponse(answer);
    const exit = parameters.exit as "exit1" | "exit2" | "exit3";
    expect(outputs[0]!.name).toBe(exit);
    expect(parameters.earlier_exit ?? false).toBe(exit !== "exit3");
    counts[exit]++;
  };
  // A machine that is busy with other things fills the queue with a few slow tails: then once more.
  for (let wave = 0; wave < 20 && (counts.exit1 + counts.exit2 === 0 || counts.refused === 0); wave++) {
    const all = Array.from({ length: 1000 }, () => ask({ allow_earlier_exit: true }));
    for (const answer of await Promise.all(all)) count(answer);
  }
  expect(counts.exit3).toBeGreaterThan(0);
  expect(counts.exit1 + counts.exit2).toBeGreaterThan(0);
  expect(counts.refused).toBeGreaterThan(0);
  const metrics = (await server.app.inject("/metrics")).body;
  expect(metrics).toMatch(`eddi_earlier_exits_total{model="tiny"} ${counts.exit1 + counts.exit2}`);
  await server.close();
});
