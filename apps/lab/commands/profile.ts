import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import {
  fitRegression,
  measureProfile,
  type Profile,
  type ProfiledModel,
  readProfile,
} from "#shared/profile";
import { selfTest } from "#shared/runtime";
import { openAsTheService } from "../engine/backend.ts";
import { makeFolder } from "../files/make-folder.ts";
import { MODELS_FOLDER, openModelFolder, readModelFolder } from "../files/model-folder.ts";
import { layersFile, measureLayers } from "../profiling/layer-times.ts";
import { stopwatch } from "../profiling/measure.ts";
import { bar, type StatusLine } from "../terminal/status-line.ts";
import { command } from "./command.ts";
import { flag, optional, text, whole } from "./option.ts";
import { backendOption, modelArgument } from "./shared-options.ts";

const SELF_TESTS = 5;
const ROLES = ["head", "tail"] as const;

export const profileCommand = command({
  name: "profile",
  about: `Measures a model partition-wise on this machine, heads and tails, and writes
MODEL/profiles/<role>-<backend>.json. With --regress it fits times of kernels to all heads' profiles of all
models and writes models/regression.json: what a phone starts with where nothing was measured.`,
  argument: optional(modelArgument),
  options: {
    backend: backendOption,
    repeats: whole("timings of each segment", 1, 15),
    device: text("TEXT", "what this machine is called (default: its processor or GPU)"),
    layers: flag(
      "every node alone, as a baseline for simulations, into MODEL/profiles/layers-<backend>.json",
    ),
    winning: flag("only cuts that can be best for latency where the cloud is faster: a fraction of the time"),
    regress: flag("write the regression; after a model, or alone"),
  },
  run: async ({ argument: model, options, status }) => {
    const { backend, repeats, device, winning, regress, layers } = options;
    if (model === null && !regress) {
      throw new EddiError(
        "bad-argument",
        "expected MODEL or --regress, got none; lab profile --help says more",
      );
    }
    if (model !== null && layers) await profileLayers(model.folder, backend, repeats, status);
    else if (model !== null) {
      const cuts = winning ? "winning" : "all";
      await profileModel(model.folder, { backend, repeats, cuts, device }, status);
    }
    if (regress) await writeRegression();
  },
});

interface ProfileJob {
  readonly backend: string;
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
  const tests: number[] = [];
  // Short as it is, a slow spell may hide all of it: the fastest of several, of which each is a median.
  for (let i = 0; i < SELF_TESTS; i++) {
    tests.push((await selfTest(() => performance.now(), 15)).medianMs);
    await new Promise((done) => setTimeout(done, 200));
  }
  const selfTestMs = Math.min(...tests);
  await makeFolder(path.join(folder, "profiles"));
  for (const role of ROLES) {
    const what = { model, role, device, backend, selfTestMs, cuts };
    const rounds = {
      warmups: cuts === "all" ? 3 : 1,
      repeats,
      onProgress: (share: number) => status.update(`profiling ${role}s on ${backend} ${bar(share)}`),
    };
    const profile = await measureProfile(what, stopwatch(segments, role), rounds);
    status.note(`${role}s on ${backend} are profiled`);
    const file = path.join(folder, "profiles", `${role}-${backend}.json`);
    await writeFile(file, `${JSON.stringify(profile, null, 1)}\n`);
    process.stdout.write(summary(profile, file));
  }
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
