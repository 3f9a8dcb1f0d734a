import type { Page } from "playwright";
import { IMAGE_CODECS, type TensorCodecName } from "#shared/codecs";
import { EddiError } from "#shared/errors";
import { allEdge, type Model, type Plan } from "#shared/model";
import {
  insidePlan,
  layerPlan,
  layerSum,
  makeProfile,
  measurePlan,
  type Profile,
  profileFromSamples,
  profileJobs,
  quantile,
  type RoundOptions,
  readProfile,
  type Stopwatch,
  sampleJobs,
  type Timed,
  timeInRounds,
  transferJobs,
} from "#shared/profile";
import { selfTest } from "#shared/runtime";
import { openAsTheService } from "../engine/backend.ts";
import { modelFolder, openModelFolder } from "../files/model-folder.ts";
import type { Case } from "../profiling/cases.ts";
import { type Evaluation, layerMethod } from "../profiling/in-process.ts";
import { stopwatch } from "../profiling/measure.ts";
import type { Method, StageTimes } from "../profiling/report.ts";
import { middleMean } from "../profiling/statistics.ts";
import { openBrowser } from "./phone.ts";
import { Service } from "./service.ts";

/** A service that answers forced plans whatever they take. */
const BUDGET_MS = 10_000;

/**
 * The same of a page in a headless browser, its edge on WASM, and of the service beside it. Measured are the
 * stages of answers by forced plans: head and encoding by the page's clock, the tail by the service's, which
 * tells decoding, running and reading back as one. The service's profile comes from such answers too, at the
 * cut vertices; only insides, and what a codec costs, are measured in this process, on the engine that it has.
 */
export async function evaluateInChromium(
  model: Model,
  device: string,
  codec: TensorCodecName,
  cases: readonly Case[],
  rounds: RoundOptions,
): Promise<Evaluation> {
  const service = await Service.start();
  try {
    const engine = await engineOf(service.url, model);
    await openAsTheService(engine);
    const segments = await openModelFolder(modelFolder(model.metadata.id));
    const { page, close } = await openBrowser({ chromePath: process.env.CHROME_PATH || null });
    try {
      const app = await openPage(page, service.url, model, codec);
      const backend = app.backend;
      const here = stopwatch(segments, "tail");
      const { medianMs: selfTestMs } = await selfTest(() => performance.now(), 15);
      const head = profileJobs(
        { model, role: "head", device, backend, selfTestMs: app.selfTestMs },
        app.watch,
      );
      const layers = sampleJobs(layerPlan(model), app.watch);
      const cloudLayers = sampleJobs(layerPlan(model), here);
      const transfer = transferJobs(model, "tail", here);
      // An empty tail is no request.
      const plans = measurePlan(model, "tail").filter(({ segment }) => segment.nodes.length > 0);
      const insides = sampleJobs(insidePlan(model), here);
      const answers = new Answers(app);
      const groups: readonly (readonly Timed[])[] = [
        head.jobs,
        layers.jobs,
        cloudLayers.jobs,
        transfer.jobs,
        insides.jobs,
        plans.map(({ exit, at }) => answers.job(planAt(model, exit, at))),
        cases.map(({ plan }) => answers.job(plan)),
      ];
      const timings = [...(await timeInRounds(groups.flat(), rounds))];
      const [heads, alone, cloudAlone, moved, inside] = groups.map(({ length }) => timings.splice(0, length));

      const take = transfer.result(moved!);
      const decode = take.codecs[codec];
      // The service's time has the decoding in it.
      const whole = {
        ...take,
        perTensorMs: take.perTensorMs + decode.perTensorMs,
        perByteMs: take.perByteMs + decode.perElementMs / 4,
      };
      const repeats = rounds.repeats;
      const samples = [
        ...plans.map(({ exit, at }, index) => {
          const medianMs = answers.typical(index, repeats).cloudMs!;
          return { exit, at, medianMs, p95Ms: medianMs };
        }),
        ...insides.result(inside!),
      ];
      const of = { model, role: "tail", device, backend: engine, selfTestMs } as const;
      const tail = makeProfile(of, samples, take, profileFromSamples(model, "tail", samples, whole));
      const partition: Method = { name: "partition-wise", head: head.result(heads!), tail };
      const layerHead = layerMethod(partition, layerSum(layers.result(alone!)));
      const layerTail = layerMethod(partition, layerSum(cloudLayers.result(cloudAlone!)));
      return {
        methods: [
          partition,
          ...(app.calibrated === null ? [] : [{ ...partition, name: "page's own", head: app.calibrated }]),
          { name: "layer sum", head: layerHead.head, tail: layerTail.tail },
        ],
        measured: cases.map((_, at) => answers.typical(plans.length + at, repeats)),
      };
    } finally {
      await close();
    }
  } finally {
    await service.stop();
  }
}

/** Answers by forced plans; every plan's in the order in which they came. */
class Answers {
  private readonly app: App;
  private readonly came: StageTimes[][] = [];

  constructor(app: App) {
    this.app = app;
  }

  /** One answer a timing, however short its stages: that is how answers come. */
  job(plan: Plan): Timed {
    const came: StageTimes[] = [];
    this.came.push(came);
    return async () => {
      came.push(await this.app.answer(plan));
      // Long enough not to be repeated.
      return 1000;
    };
  }

  /**
   * Of a plan's last answers: those before them were warm-ups. A service that was idle between two answers takes
   * up to twice as long for one as for the next, and half of them are of either kind: there a median jumps, the
   * mean of the middle half does not.
   */
  typical(index: number, count: number): StageTimes {
    const last = this.came[index]!.slice(-count);
    const cloud = last.flatMap(({ cloudMs }) => cloudMs ?? []);
    return {
      edgeMs: quantile(
        last.map(({ edgeMs }) => edgeMs),
        0.5,
      ),
      cloudMs: cloud.length === 0 ? null : middleMean(cloud),
    };
  }
}

interface App {
  readonly backend: string;
  readonly selfTestMs: number;
  /** What the page measured by itself; null when it could not. */
  readonly calibrated: Profile | null;
  readonly watch: Stopwatch;
  answer(plan: Plan): Promise<StageTimes>;
}

async function openPage(page: Page, url: string, model: Model, codec: TensorCodecName): Promise<App> {
  const query = `model=${model.metadata.id}&backend=wasm&profile=force&codec=${codec}&budget=${BUDGET_MS}`;
  await page.goto(`${url}/?${query}`);
  await page.evaluate("eddi.ready.then(() => eddi.settle())");
  // A headless browser draws in software, on the cores that are to compute; a phone does not.
  await page.addStyleTag({ content: "main { display: none }" });
  const { height, width, range } = model.metadata.input;
  const answer = (plan: Plan) =>
    page.evaluate(ANSWER, [plan, height * width * 3, range, BUDGET_MS] as const) as Promise<StageTimes>;
  for (const { id } of model.metadata.exits) await answer(allEdge(model, id));
  await page.evaluate("eddi.settle()");
  const state = (await page.evaluate("eddi.state()")) as PageState;
  const { backend, selfTestMs } = state.engine;
  const { profile } = state.profiling;
  const time = (what: object): Promise<number> =>
    page.evaluate((given) => (globalThis as unknown as PageGlobals).eddi.time(given), what);
  return {
    backend,
    selfTestMs,
    calibrated: profile === null ? null : readProfile(profile),
    watch: {
      whole: (segment, runs) => time({ part: "whole", segment, runs }),
      inside: (segment, runs) => time({ part: "inside", segment, runs }),
      move: (elements, runs) => time({ part: "move", elements, runs }),
      code: (codec, elements, runs) => time({ part: "code", codec, elements, runs }),
      deflate: (bytes, runs) => time({ part: "deflate", bytes, runs }),
      image: (codec, size, runs) => time({ part: "image", codec, size, runs }),
      imageCodecs: IMAGE_CODECS,
    },
    answer,
  };
}

/** Runs in the page. */
const ANSWER = async ([plan, count, range, budgetMs]: readonly [
  Plan,
  number,
  readonly [number, number],
  number,
]): Promise<StageTimes> => {
  const values = Float32Array.from(
    { length: count },
    (_, i) => range[0] + ((range[1] - range[0]) * (i % 255)) / 255,
  );
  const { eddi } = globalThis as unknown as PageGlobals;
  // What the answer before has left to do is no part of this one.
  await new Promise((done) => setTimeout(done, 20));
  const { source, reason, stages } = await eddi.answer(values, { plan, budgetMs });
  if (source === "fallback") throw new Error(`the service did not answer: ${reason}`);
  const edgeMs = stages.headMs + stages.encodeMs;
  return { edgeMs, cloudMs: source === "cloud" ? stages.cloudMs : null };
};

/** What is read of the page's own interface, `globalThis.eddi`. */
interface PageGlobals {
  readonly eddi: {
    time(what: object): Promise<number>;
    answer(
      values: Float32Array,
      options: { readonly plan: Plan; readonly budgetMs: number },
    ): Promise<{
      readonly source: string;
      readonly reason: string | null;
      readonly stages: { readonly headMs: number; readonly encodeMs: number; readonly cloudMs: number };
    }>;
  };
}

interface PageState {
  readonly engine: { readonly backend: string; readonly selfTestMs: number };
  readonly profiling: { readonly profile: unknown };
}

/** The plan that is cut at one tensor. */
function planAt(model: Model, exit: string, at: string): Plan {
  const { head } = allEdge(model, exit);
  return { exit, head: head.slice(0, head.indexOf(at) + 1) };
}

async function engineOf(url: string, model: Model): Promise<string> {
  const described = (await (await fetch(`${url}/v2/models/${model.metadata.id}`)).json()) as {
    readonly parameters: { readonly backend: string | null };
  };
  if (described.parameters.backend !== null) return described.parameters.backend;
  throw new EddiError("unavailable", "expected the service to have an engine, it is still starting");
}
