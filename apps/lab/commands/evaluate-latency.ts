import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { TENSOR_CODECS } from "#shared/codecs";
import { EddiError } from "#shared/errors";
import { randomFor } from "#shared/random";
import { deviceOf, type OpenedBackend, openBackend } from "../engine/backend.ts";
import { modelFolder, openModelFolder, readModelFolder } from "../files/model-folder.ts";
import { latencyCases } from "../profiling/cases.ts";
import { evaluateHere } from "../profiling/in-process.ts";
import { AS_THE_SERVICE } from "../profiling/measure.ts";
import { errorTable, methodReport } from "../profiling/report.ts";

const USAGE = `npm run lab -- evaluate-latency MODEL [options]

Compares predicted with measured times of both stages, edge and cloud, at every cut vertex of every exit and at
random cuts of two tensors or more: for the partition-wise profile, and for the sum of layers timed alone.

  --backend NAME    wasm, native, webgpu: both stages in this process; chromium: the page in a headless browser
                    and the service beside it (default wasm)
  --repeats N       timings of each stage and segment (default 25)
  --cuts N          random cuts (default 30)
  --seed N          of the random cuts (default 1)
  --codec NAME      one of ${TENSOR_CODECS.join(", ")} (default uint8)
  --device TEXT     what this machine is called (default: its processor or GPU)
  --json            print JSON: samples, profiles, predictions, errors
  --out FILE        write the JSON there too
CHROME_PATH names the browser; without it Playwright's own is used.
`;

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      backend: { type: "string", default: "wasm" },
      repeats: { type: "string", default: "25" },
      cuts: { type: "string", default: "30" },
      seed: { type: "string", default: "1" },
      codec: { type: "string", default: "uint8" },
      device: { type: "string" },
      json: { type: "boolean", default: false },
      out: { type: "string" },
      help: { type: "boolean" },
    },
  });
  const [name] = positionals;
  if (values.help || name === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  const repeats = wholeNumber("--repeats", values.repeats, 1);
  const seed = wholeNumber("--seed", values.seed, 0);
  const codec = TENSOR_CODECS.find((one) => one === values.codec);
  if (codec === undefined) {
    throw new EddiError(
      "bad-argument",
      `--codec: expected one of ${TENSOR_CODECS.join(", ")}, got ${values.codec}`,
    );
  }
  const { backend } = values;
  const here = backend === "chromium" ? null : await openAsTheService(backend);
  const device = values.device ?? (await deviceOf(here ?? "wasm"));
  const folder = modelFolder(name);
  const model = await readModelFolder(folder);
  const cases = latencyCases(model, wholeNumber("--cuts", values.cuts, 0), randomFor(seed, 0, 0));
  const rounds = { warmups: 3, repeats };
  const { methods, measured } =
    here === null
      ? await (await import("../rig/in-chromium.ts")).evaluateInChromium(model, device, codec, cases, rounds)
      : await evaluateHere(await openModelFolder(folder), here, device, codec, cases, rounds);

  const reports = methods.map((method) => methodReport(model, method, codec, cases, measured));
  const json = JSON.stringify(
    {
      model: model.metadata.id,
      version: model.version,
      device,
      backend,
      codec,
      seed,
      repeats,
      errors: Object.fromEntries(reports.map(({ method, errors }) => [method, errors])),
      cases: cases.map(({ kind, plan, split }, at) => ({
        kind,
        exit: plan.exit,
        cut: split.cut,
        headNodes: split.head.nodes.length,
        measured: measured[at],
        predicted: Object.fromEntries(reports.map(({ method, predicted }) => [method, predicted[at]])),
      })),
      profiles: methods,
    },
    null,
    1,
  );
  if (values.out !== undefined) await writeFile(values.out, `${json}\n`);
  if (values.json) {
    process.stdout.write(`${json}\n`);
    return;
  }
  const vertices = cases.filter(({ kind }) => kind === "vertex").length;
  const cuts = `${vertices} cut vertices, ${cases.length - vertices} random cuts of several tensors`;
  process.stdout.write(
    `${model.metadata.id} on ${backend}, ${device}, ${codec}: ${cuts}, ${repeats} timings each, seed ${seed}\n\n`,
  );
  process.stdout.write(`${errorTable(reports)}\n`);
}

async function openAsTheService(backend: string): Promise<OpenedBackend> {
  Object.assign(process.env, AS_THE_SERVICE);
  return openBackend(backend);
}

function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new EddiError("bad-argument", `${option}: expected a whole number of ${least} or more, got ${text}`);
}
