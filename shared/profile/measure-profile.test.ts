import { expect, test } from "vitest";
import { elementCount, type Segment } from "#shared/model";
import { addDetour, fixtureModel } from "../model/fixture.ts";
import { insidePlan, measurePlan } from "./measure-plan.ts";
import { measureProfile, type Stopwatch } from "./measure-profile.ts";
import { readProfile } from "./profile.ts";
import type { Role } from "./role.ts";
import { timeInRounds } from "./rounds.ts";
import { USUAL_TRANSFERS } from "./transfer.ts";

const model = fixtureModel(addDetour);
const given = { model, device: "fake", backend: "fake", selfTestMs: 1 };
const rounds = { warmups: 2, repeats: 9 };
const ROLES: readonly Role[] = ["head", "tail"];

test("every segment of the plan starts at the input or ends at the exit, and no head is timed twice", () => {
  const heads = measurePlan(model, "head");
  expect(new Set(heads.map(({ at }) => at)).size).toBe(heads.length);
  for (const { at, segment } of heads) expect(segment).toMatchObject({ feeds: ["image"], outputs: [at] });
  for (const { exit, at, segment } of measurePlan(model, "tail")) {
    const { node } = model.metadata.exits.find(({ id }) => id === exit)!;
    expect(segment).toMatchObject({ feeds: [at], outputs: [node] });
  }
  expect(heads.map(({ at }) => at)).toContain("exit-1");
});

test("inside a block every node is reached from the cut vertex before it, and the call alone is timed too", () => {
  const inside = insidePlan(model).map(({ from, at, segment }) => [from, at, segment.nodes.join(" ")]);
  expect(inside).toContainEqual(["join", "join", ""]);
  expect(inside).toContainEqual(["join", "left", "left"]);
  expect(inside).toContainEqual(["join", "cat", "left right cat"]);
  expect(inside).toContainEqual(["stem", "join", "deep join"]);
  expect(inside.map(([, at]) => at)).not.toContain("exit-3");
});

const nodeMs = (name: string): number => name.length / 4;

test("a machine with a clock of coarse steps, slow warm-up and slow spells gives the true profile", async () => {
  for (const role of ROLES) {
    const machine = new FakeMachine(role, 0.7, nodeMs);
    const profile = await measureProfile({ ...given, role }, machine.watch, rounds);
    expect(readProfile(JSON.parse(JSON.stringify(profile)))).toEqual(profile);
    for (const { exit, at, segment } of measurePlan(model, role)) {
      const movedMs = 0.3 + elementCount(model.metadata.tensors[at]!.shape) * 0.004;
      const truth = segment.nodes.reduce((total, name) => total + nodeMs(name), 0.7 + movedMs);
      const sample = profile.samples.find((one) => one.exit === exit && one.at === at && !one.from)!;
      expect(Math.abs(sample.medianMs - truth), `${role} ${exit} ${at}`).toBeLessThan(0.08);
      expect(sample.p95Ms).toBeGreaterThanOrEqual(sample.medianMs);
    }
    expect(Math.abs(profile.fixedMs - 0.7)).toBeLessThan(0.12);
    expect(Math.abs(profile.nodeMs.left! - 1)).toBeLessThan(0.12);
    // With an encoder the head is one call; a decoder is one of its own, and what it makes is handed over anew.
    const decoderMs = 0.7 + nodeMs("join/decoder/decoded") + 0.3 + 4 * 4 * 16 * 0.004;
    const encoderMs = nodeMs("join/encoder/conv") + nodeMs("join/encoder/latent");
    expect(Math.abs(profile.detourMs!.join! - (role === "head" ? encoderMs : decoderMs))).toBeLessThan(0.2);
    expect(profile.transfer.perByteMs).toBeCloseTo(0.001, 4);
    expect(profile.transfer.codecs.uint8.perElementMs).toBeCloseTo(0.01, 3);
    const { float32, float16, uint4, jpeg, webp, uint8 } = profile.transfer.codecs;
    for (const codec of [float32, float16, uint4]) expect(codec.perElementMs).toBeCloseTo(0.02, 3);
    expect(profile.transfer.deflate.perByteMs).toBeCloseTo(0.03, 3);
    expect(jpeg.perElementMs).toBeCloseTo(0.05, 2);
    // What this machine cannot encode is as usual, at its pace.
    const usual = USUAL_TRANSFERS[role].codecs;
    expect(webp.perElementMs / usual.webp.perElementMs).toBeCloseTo(
      uint8.perElementMs / usual.uint8.perElementMs,
      6,
    );
  }
});

test("when a run fails, the measurement fails with its error", async () => {
  const error = new Error("device lost");
  const { watch } = new FakeMachine("head", 1, () => 1);
  const failing = { ...watch, whole: () => Promise.reject(error) };
  await expect(measureProfile({ ...given, role: "head" }, failing, rounds)).rejects.toBe(error);
});

test("in every round each job has its turn, progress ends at 1, and a measurement can be over early", async () => {
  const turns: number[] = [];
  const shares: number[] = [];
  const jobs = Array.from({ length: 12 }, (_, at) => async () => {
    turns.push(at);
    return 100;
  });
  const onProgress = (share: number) => shares.push(share);
  const timings = await timeInRounds(jobs, {
    warmups: 0,
    repeats: 5,
    isOver: () => turns.length >= 36,
    onProgress,
  });
  expect(timings).toEqual(jobs.map(() => [100, 100]));
  for (let round = 0; round < 3; round++) {
    expect(turns.slice(12 * round, 12 * round + 12).sort((a, b) => a - b)).toEqual([...jobs.keys()]);
  }
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  expect(shares.at(-1)).toBe(1);
});

/** First runs take 100 times as long; every 40th run takes 20 times as long; the clock steps by 0.1 ms. */
class FakeMachine {
  private clockMs = 0;
  private runs = 0;
  private readonly seen = new Set<string>();
  private readonly role: Role;
  private readonly fixedMs: number;
  private readonly timeOf: (name: string) => number;

  constructor(role: Role, fixedMs: number, timeOf: (name: string) => number) {
    this.role = role;
    this.fixedMs = fixedMs;
    this.timeOf = timeOf;
  }

  readonly watch: Stopwatch = {
    whole: (segment, runs) => {
      const moved = this.role === "head" ? segment.outputs : segment.feeds;
      return this.time(
        `whole ${keyOf(segment)}`,
        this.nodesMs(segment) + this.moveMs(sizeOf(moved[0]!)),
        runs,
      );
    },
    inside: (segment, runs) => this.time(keyOf(segment), this.nodesMs(segment), runs),
    move: (elements, runs) => this.time(`move ${elements}`, this.moveMs(elements), runs),
    code: (codec, elements, runs) =>
      this.time(`${codec} ${elements}`, 0.2 + elements * (codec === "uint8" ? 0.01 : 0.02), runs),
    deflate: (bytes, runs) => this.time(`deflate ${bytes}`, 0.1 + bytes * 0.03, runs),
    image: (codec, { height, width, channels }, runs) =>
      this.time(`${codec} ${height}`, 0.5 + height * width * channels * 0.05, runs),
    imageCodecs: ["jpeg"],
  };

  private nodesMs({ nodes }: Segment): number {
    return nodes.reduce((total, name) => total + this.timeOf(name), this.fixedMs);
  }

  private moveMs(elements: number): number {
    return 0.3 + elements * 0.004;
  }

  private async time(key: string, ms: number, runs: number): Promise<number> {
    const start = Math.floor(this.clockMs * 10) / 10;
    for (let run = 0; run < runs; run++) {
      const slow = this.seen.has(key) ? (this.runs++ % 40 === 0 ? 20 : 1) : 100;
      this.seen.add(key);
      this.clockMs += slow * ms;
    }
    return (Math.floor(this.clockMs * 10) / 10 - start) / runs;
  }
}

const keyOf = ({ feeds, outputs }: Segment): string => `${feeds} ${outputs}`;
const sizeOf = (name: string): number => elementCount(model.metadata.tensors[name]!.shape);
