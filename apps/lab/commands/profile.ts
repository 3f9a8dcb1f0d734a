import { mkdir, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { ones } from "@tensorflow/tfjs-core";
import { EddiError } from "#shared/errors";
import { measureProfile, type Profile, type Role } from "#shared/evaluator";
import type { Segment } from "#shared/model";
import { type SegmentModel, selfTest } from "#shared/runtime";
import { openBackend } from "../backend.ts";
import { modelFolder, openModelFolder } from "../model-folder.ts";

const USAGE = `npm run lab -- profile MODEL [options]

Measures a model partition-wise on this machine and writes MODEL/profiles/<role>-<backend>.json: heads and
tails on wasm, tails alone on native, which no browser has.

  --backend NAME    auto, native or wasm (default auto)
  --repeats N       timings of each segment (default 15)
  --device TEXT     what this machine is called (default: its processor)
`;

/** How the service runs TensorFlow: a thread for each worker; oneDNN pays for batches only. */
const AS_THE_SERVICE = {
  TF_NUM_INTRAOP_THREADS: "1",
  TF_NUM_INTEROP_THREADS: "1",
  TF_ENABLE_ONEDNN_OPTS: "0",
} as const;

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      backend: { type: "string", default: "auto" },
      repeats: { type: "string", default: "15" },
      device: { type: "string", default: os.cpus()[0]?.model ?? os.arch() },
      help: { type: "boolean" },
    },
  });
  const [name] = positionals;
  if (values.help || name === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  const repeats = Number(values.repeats);
  if (!Number.isInteger(repeats) || repeats < 1) {
    throw new EddiError("bad-argument", `--repeats: expected a whole number above 0, got ${values.repeats}`);
  }
  const folder = modelFolder(name);
  Object.assign(process.env, AS_THE_SERVICE);
  const backend = await openBackend(values.backend);
  const segments = await openModelFolder(folder);
  const { medianMs: selfTestMs } = await selfTest(() => performance.now(), 15);
  await mkdir(path.join(folder, "profiles"), { recursive: true });
  const roles: readonly Role[] = backend === "native" ? ["tail"] : ["head", "tail"];
  for (const role of roles) {
    const profile = await measure(segments, role, { backend, repeats, device: values.device, selfTestMs });
    const file = path.join(folder, "profiles", `${role}-${backend}.json`);
    await writeFile(file, `${JSON.stringify(profile, null, 1)}\n`);
    process.stdout.write(summary(profile, file));
  }
}

interface Setting {
  readonly backend: string;
  readonly repeats: number;
  readonly device: string;
  readonly selfTestMs: number;
}

function measure(segments: SegmentModel, role: Role, setting: Setting): Promise<Profile> {
  const { model } = segments;
  const runSegment = async (segment: Segment): Promise<void> => {
    const feeds = segment.feeds.map((name) => ones([1, ...model.metadata.tensors[name]!.shape]));
    const outputs = segments.run(segment, feeds);
    await Promise.all(outputs.map((output) => output.data()));
    for (const tensor of [...feeds, ...outputs]) tensor.dispose();
  };
  const now = (): number => performance.now();
  return measureProfile({ model, role, run: runSegment, now, warmups: 3, ...setting });
}

function summary(profile: Profile, file: string): string {
  const whole = profile.samples.map(({ medianMs }) => medianMs).reduce((a, b) => Math.max(a, b), 0);
  const title = `${profile.model}, ${profile.role} on ${profile.backend}`;
  return `${title}: whole model ${whole.toFixed(2)} ms, fixed ${profile.fixedMs.toFixed(2)} ms -> ${file}\n`;
}
