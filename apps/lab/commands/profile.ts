import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import { PRECISIONS, type Precision } from "#shared/model";
import {
  fitRegression,
  measureProfile,
  type Profile,
  type ProfiledModel,
  profileFile,
  readProfile,
} from "#shared/profile";
import { selfTest } from "#shared/runtime";
import { ENGINE_BACKENDS, type EngineBackend, TFJS_BACKENDS } from "../../engines/index.ts";
import { BACKEND_HELP, openAsTheService } from "../engine/backend.ts";
import { makeFolder } from "../files/make-folder.ts";
import { MODELS_FOLDER, openModelFolder, readModelFolder } from "../files/model-folder.ts";
import { openTails } from "../profiling/engine-tails.ts";
import { layersFile, measureLayers } from "../profiling/layer-times.ts";
import { stopwatch } from "../profiling/measure.ts";
import { bar, type StatusLine } from "../terminal/status-line.ts";
import { command } from "./command.ts";
import { flag, oneOf, optional, text, whole } from "./option.ts";
import { modelArgument } from "./shared-options.ts";

/** What phones have not, and TF.js times no nodes of. */
const NOT_TFJS = ENGINE_BACKENDS.filter((backend) => !TFJS_BACKENDS.includes(backend));
const SELF_TESTS = 5;
const ROLES = ["head", "tail"] as const;

export const profileCommand = command({
  name: "profile",
  about: `Measures a model partition-wise on this machine, heads and tails, and writes
MODEL/profiles/<role>-<backend>.json; on ONNX Runtime tails alone, in int8 as <role>-<backend>-int8.json. With --regress it fits times of kernels to all heads' profiles of all
models and writes models/regression.json: what a phone starts with where nothing was measured.`,
  argument: optional(modelArgument),
  options: {
    backend: oneOf(
      "NAME",
      ["auto", ...ENGINE_BACKENDS],
      `${BACKEND_HELP}; or ${NOT_TFJS.join(", ")}: tails, as the service runs them`,
      "auto",
    ),
    precision: oneOf("P", PRECISIONS, `fp32, or int8 on ${NOT_TFJS.join(", ")}`, "fp32"),
    repeats: whole("timings of each segment", 1, 15),
    device: text("TEXT", "what this machine is called (default: its processor or GPU)"),
    layers: flag(
      "every node alone, as a baseline for simulations, into MODEL/profiles/layers-<backend>.json",
    ),
    winning: flag("only cuts that can be best for latency where the cloud is faster: a fraction of the time"),
    regress: flag("write the regression; after a model, or alone"),
  },
  run: async ({ argument: model, options, status }) => {
    const { backend, precision, repeats, device, winning, regress, layers } = options;
    const other = NOT_TFJS.find((one) => one === backend);
    if (other === undefined && precision !== "fp32") {
      const expected = `expected fp32 on what is not ${NOT_TFJS.join(", ")}`;
      throw new EddiError("bad-argument", `--precision: ${expected}, got ${precision}`);
    }
    if (other !== undefined && layers) {
      throw new EddiError("bad-argument", `--layers: expected a backend of TF.js, got ${backend}`);
    }
    if (model === null && !regress) {
      throw new EddiError(
        "bad-argument",
        "expected MODEL or --regress, got none; lab profile --help says more",
      );
    }
    if (model !== null && layers) await profileLayers(model.folder, backend, repeats, status);
    else if (model !== null) {
      const cuts = winning ? "winning" : "all";
      const job = { repeats, cuts, device } as const;
      if (other === undefined) await profileModel(model.folder, { ...job, backend }, status);
      else await profileTails(model.folder, { ...job, backend: other, precision }, status);
    }
    if (regress) await writeRegression();
  },
});

interface ProfileJob<Backend = string> {
  readonly backend: Backend;
  readonly repeats: number;
  readonly cuts: "all" | "winning";
  /** What this machine is called, if not what it calls itself. */
  readonly device: string | undefined;
}

async function profileModel(folder: string, job: ProfileJob, status: StatusLine): Promise<void> {
  const { repeats, cuts } = job;
  const { info, deviceName } = await openAsTheService(job.backend);
  const { backend } = info;
  const { device = deviceName } = job;
  const segments = await openModelFolder(folder);
  const { model } = segments;
  const selfTestMs = await selfTestOf();
  for (const role of ROLES) {
    const what = { model, role, device, backend, selfTestMs, cuts };
    const rounds = {
      warmups: cuts === "all" ? 3 : 1,
      repeats,
      onProgress: (share: number) => status.update(`profiling ${role}s on ${backend} ${bar(share)}`),
    };
    const profile = await measureProfile(what, stopwatch(segments, role), rounds);
    status.note(`${role}s on ${backend} are profiled`);
    await writeProfile(folder, profile);
  }
}

/** Tails alone, on an engine that is no backend of TF.js. */
async function profileTails(
  folder: string,
  job: ProfileJob<EngineBackend> & { readonly precision: Precision },
  status: StatusLine,
): Promise<void> {
  const { backend, precision, repeats } = job;
  const tails = await openTails(folder, job, (trouble) => status.note(trouble));
  const of = {
    model: tails.model,
    role: "tail",
    ...{ device: job.device ?? tails.deviceName, backend, precision },
    // Of TF.js beneath it: nothing is ever scaled by that of tails.
    selfTestMs: await selfTestOf(),
    cuts: job.cuts === "all" ? "vertices" : job.cuts,
  } as const;
  const onProgress = (share: number): void => status.update(`profiling tails on ${backend} ${bar(share)}`);
  const profile = await measureProfile(of, tails.watch, { warmups: 1, repeats, onProgress });
  status.note(`tails on ${backend} in ${precision} are profiled`);
  await writeProfile(folder, profile);
}

/** Short as it is, a slow spell may hide all of it: the fastest of several, of which each is a median. */
async function selfTestOf(): Promise<number> {
  const tests: number[] = [];
  for (let i = 0; i < SELF_TESTS; i++) {
    tests.push((await selfTest(() => performance.now(), 15)).medianMs);
    await new Promise((done) => setTimeout(done, 200));
  }
  return Math.min(...tests);
}

async function writeProfile(folder: string, profile: Profile): Promise<void> {
  await makeFolder(path.join(folder, "profiles"));
  const file = path.join(folder, "profiles", profileFile(profile.role, profile.backend, profile.precision));
  await writeFile(file, `${JSON.stringify(profile, null, 1)}\n`);
  process.stdout.write(summary(profile, file));
}

async function profileLayers(
  folder: string,
  wanted: string,
  repeats: number,
  status: StatusLine,
): Promise<void> {
  const { backend } = (await openAsTheService(wanted)).info;
  const segments = await openModelFolder(folder);
  const onProgress = (share: number): void => status.update(`profiling layers on ${backend} ${bar(share)}`);
  const times = await measureLayers(segments, backend, { warmups: 2, repeats, onProgress });
  await makeFolder(path.join(folder, "profiles"));
  const file = path.join(folder, "profiles", layersFile(backend));
  await writeFile(file, `${JSON.stringify(times, null, 1)}\n`);
  const sum = Object.values(times.roles.head.nodeMs).reduce((total, ms) => total + ms, 0);
  status.note(`${file}: layers sum to ${(sum / times.roles.head.wholeMs).toFixed(2)} times the whole`);
}

function summary(profile: Profile, file: string): string {
  const whole = profile.samples.map(({ medianMs }) => medianMs).reduce((a, b) => Math.max(a, b), 0);
  const title = `${profile.model}, ${profile.role} on ${profile.backend}`;
  return `${title}: whole model ${whole.toFixed(2)} ms, fixed ${profile.fixedMs.toFixed(2)} ms -> ${file}\n`;
}

/** Fits the regression to every profile of heads there is. A profile of an older format is left out, and said. */
async function writeRegression(): Promise<void> {
  const profiled: ProfiledModel[] = [];
  for (const { name } of (await readdir(MODELS_FOLDER, { withFileTypes: true })).filter((entry) =>
    entry.isDirectory(),
  )) {
    const folder = path.join(MODELS_FOLDER, name);
    const model = await readModelFolder(folder);
    const files = await readdir(path.join(folder, "profiles")).catch(() => []);
    for (const file of files.filter((one) => /^head-.*\.json$/.test(one)).sort()) {
      try {
        const text = await readFile(path.join(folder, "profiles", file), "utf8");
        profiled.push({ model, profile: readProfile(JSON.parse(text)) });
      } catch (error) {
        process.stderr.write(`${name}/profiles/${file}, left out: ${(error as Error).message}\n`);
      }
    }
  }
  const file = path.join(MODELS_FOLDER, "regression.json");
  const regression = fitRegression(profiled);
  await writeFile(file, `${JSON.stringify(regression, null, 1)}\n`);
  const backends = Object.keys(regression.backends).join(", ") || "none";
  process.stdout.write(`heads of ${profiled.length} profiles, backends ${backends} -> ${file}\n`);
}
