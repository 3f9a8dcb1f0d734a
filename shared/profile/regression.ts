import type { Model } from "#shared/model";
import { expect, expectTimes, record } from "./check.ts";
import { FEATURES, fitKernels, type Kernels, kernelMs, type TimedNodes } from "./kernels.ts";
import { type Profile, readTransfer } from "./profile.ts";
import { mapTransfer, scaleTransfer, type Transfer, USUAL_TRANSFERS } from "./transfer.ts";
import { nodeWork } from "./work.ts";

/**
 * Times of heads of any model, from profiles of other models and devices: what the page starts with where
 * nothing was measured. JSON. All in units of the self-test's time on the same device and backend.
 */
export interface Regression {
  readonly format: 1;
  /** By TF.js backend. */
  readonly backends: Readonly<Record<string, HeadTimes>>;
}

export interface HeadTimes {
  /** The profiles it was fitted to: `MODEL on DEVICE`. */
  readonly from: readonly string[];
  readonly fixed: number;
  readonly kernels: Kernels;
  readonly transfer: Transfer;
}

/** A profile of heads, and the model that it is of. */
export interface ProfiledModel {
  readonly model: Model;
  readonly profile: Profile;
}

/** Fits one set of times for every backend that has profiles of heads. */
export function fitRegression(profiled: readonly ProfiledModel[]): Regression {
  const heads = profiled.filter(({ profile }) => profile.role === "head");
  const names = [...new Set(heads.map(({ profile }) => profile.backend))].sort();
  const backends = names.map((name): [string, HeadTimes] => [
    name,
    fitBackend(heads.filter(({ profile }) => profile.backend === name)),
  ]);
  return { format: 1, backends: Object.fromEntries(backends) };
}

function fitBackend(profiled: readonly ProfiledModel[]): HeadTimes {
  const mean = (value: (profile: Profile) => number): number =>
    profiled.reduce((sum, { profile }) => sum + value(profile) / profile.selfTestMs, 0) / profiled.length;
  return {
    from: profiled.map(({ profile }) => `${profile.model} on ${profile.device}`),
    fixed: mean(({ fixedMs }) => fixedMs),
    kernels: fitKernels(profiled.flatMap(timedNodes)),
    transfer: mapTransfer((read) => mean(({ transfer }) => read(transfer))),
  };
}

function timedNodes({ model, profile }: ProfiledModel): readonly TimedNodes[] {
  return nodeWork(model)
    .slice(1)
    .map((work, at) => ({
      nodes: [work],
      ms: profile.nodeMs[model.dag.names[at + 1]!]! / profile.selfTestMs,
    }));
}

/**
 * Heads of a model by a regression.
 *
 * @param times      of the backend, or of another one
 * @param selfTestMs this device's
 */
export function profileFromRegression(
  model: Model,
  backend: string,
  times: HeadTimes,
  selfTestMs: number,
): Profile {
  const work = nodeWork(model);
  const nodes = model.dag.names.slice(1).map((name, at): [string, number] => {
    return [name, selfTestMs * kernelMs(times.kernels, work[at + 1]!)];
  });
  return {
    format: 2,
    model: model.metadata.id,
    version: model.version,
    role: "head",
    device: "estimated",
    backend,
    fixedMs: selfTestMs * times.fixed,
    selfTestMs,
    nodeMs: Object.fromEntries(nodes),
    transfer: scaleTransfer(times.transfer, selfTestMs),
    samples: [],
  };
}

/**
 * Before any regression could be fetched: WASM with SIMD. The self-test's net has 11 million
 * multiply-accumulates.
 */
export const USUAL_TIMES: HeadTimes = {
  from: ["WASM, roughly"],
  fixed: 0.1,
  kernels: {
    conv: 7e-8,
    pointwise: 9e-8,
    depthwise: 3e-7,
    moved: 1e-7,
    kernel: 0.01,
    plain: 0.005,
  },
  transfer: USUAL_TRANSFERS.head,
};

/**
 * Checks a regression as read from JSON.
 *
 * @throws EddiError `bad-profile`, naming the field, what was expected and what came
 */
export function readRegression(value: unknown): Regression {
  const root = record(value, "regression");
  expect(root.format === 1, "regression, format", "1", root.format);
  const backends = record(root.backends, "regression, backends");
  const read = Object.entries(backends).map(([name, given]) => {
    const field = `regression, ${name}`;
    const times = record(given, field);
    expect(Array.isArray(times.from), `${field}.from`, "an array", times.from);
    expectTimes(times, `${field}.`, ["fixed"]);
    expectTimes(record(times.kernels, `${field}.kernels`), `${field}.kernels.`, FEATURES);
    return [name, { ...times, transfer: readTransfer(times.transfer, "head", `${field}.transfer`) }];
  });
  return { ...root, backends: Object.fromEntries(read) } as unknown as Regression;
}
