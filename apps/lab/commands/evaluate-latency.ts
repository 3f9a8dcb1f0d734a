import { TENSOR_CODECS } from "#shared/codecs";
import { randomFor } from "#shared/random";
import { processorName, TFJS_BACKENDS } from "../../engines/index.ts";
import { BACKENDS, openAsTheService } from "../engine/backend.ts";
import { openModelFolder, readModelFolder } from "../files/model-folder.ts";
import { latencyCases } from "../profiling/cases.ts";
import { evaluateHere } from "../profiling/in-process.ts";
import { errorTable, methodReport } from "../profiling/report.ts";
import { command } from "./command.ts";
import { flag, oneOf, text, whole } from "./option.ts";
import { modelArgument, outOption, seedOption, writeOut } from "./shared-options.ts";

const CHROMIUM = "chromium";

export const evaluateLatencyCommand = command({
  name: "evaluate-latency",
  about: `Compares predicted with measured times of both stages, edge and cloud, at every cut vertex of every exit and at
random cuts of two tensors or more: for the partition-wise profile, and for the sum of layers timed alone.`,
  argument: modelArgument,
  options: {
    backend: oneOf(
      "NAME",
      [...BACKENDS, CHROMIUM],
      `${TFJS_BACKENDS.join(", ")}: both stages in this process; ${CHROMIUM}: the page in a headless browser and the service beside it`,
      "wasm",
    ),
    repeats: whole("timings of each stage and segment", 1, 25),
    cuts: whole("random cuts", 0, 30),
    seed: seedOption("of the random cuts"),
    codec: oneOf("NAME", TENSOR_CODECS, `one of ${TENSOR_CODECS.join(", ")}`, "uint8"),
    device: text("TEXT", "what this machine is called (default: its processor or GPU)"),
    json: flag("print JSON: samples, profiles, predictions, errors"),
    out: outOption("write the JSON there too"),
  },
  more: "CHROME_PATH names the browser; without it Playwright's own is used.",
  run: async ({ argument: { folder }, options }) => {
    const { backend, repeats, seed, codec } = options;
    const here = backend === CHROMIUM ? null : await openAsTheService(backend);
    const device = options.device ?? here?.deviceName ?? processorName();
    const model = await readModelFolder(folder);
    const cases = latencyCases(model, options.cuts, randomFor(seed, 0, 0));
    const rounds = { warmups: 3, repeats };
    const { methods, measured } =
      here === null
        ? await (await import("../rig/in-chromium.ts")).evaluateInChromium(
            model,
            device,
            codec,
            cases,
            rounds,
          )
        : await evaluateHere(await openModelFolder(folder), here.info.backend, device, codec, cases, rounds);

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
    if (options.out !== undefined) await writeOut(options.out, `${json}\n`);
    if (options.json) {
      process.stdout.write(`${json}\n`);
      return;
    }
    const vertices = cases.filter(({ kind }) => kind === "vertex").length;
    const cuts = `${vertices} cut vertices, ${cases.length - vertices} random cuts of several tensors`;
    process.stdout.write(
      `${model.metadata.id} on ${backend}, ${device}, ${codec}: ${cuts}, ${repeats} timings each, seed ${seed}\n\n`,
    );
    process.stdout.write(`${errorTable(reports)}\n`);
  },
});
