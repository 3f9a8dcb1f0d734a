import { modelFolder } from "../../files/model-folder.ts";
import { pilotNamed } from "../../simulate/policy/pilots.ts";
import { readPopulation } from "../../simulate/population/read-population.ts";
import { strataDraws } from "../../simulate/population/strata.ts";
import { fpsOf } from "../../simulate/results/summary.ts";
import type { Outcome } from "../../simulate/session/outcome.ts";
import type { Scenario } from "../../simulate/session/scenario.ts";
import { Session } from "../../simulate/session/session.ts";
import { buildScenario } from "../../simulate/set-up/build-scenario.ts";
import { fromDraw } from "../../simulate/set-up/from-draw.ts";
import { populationTraces } from "../../simulate/set-up/population-sessions.ts";
import { WORKERS, worldOf } from "../../simulate/set-up/settings.ts";
import { openSubject, type Subject } from "../../simulate/set-up/subject.ts";
import { playTrace } from "../../simulate/traces/play.ts";
import { readTrace } from "../../simulate/traces/read-trace.ts";
import type { Trace } from "../../simulate/traces/trace.ts";
import type { Cell, CellResult, CellWorld, Tally } from "../results/cell.ts";
import { assumptionNamed } from "./assumptions.ts";

/** Runs cells one after the other; what they share is opened once. */
export class CellRunner {
  private readonly tracesFolder: string;
  private readonly subjects = new Map<string, Promise<Subject>>();
  private readonly traces = new Map<string, Promise<Trace>>();

  /** @param tracesFolder that the population names its traces from */
  constructor(tracesFolder: string) {
    this.tracesFolder = tracesFolder;
  }

  async run(cell: Cell): Promise<CellResult> {
    const scenario = await this.scenarioOf(cell);
    const tallies: Record<string, Tally> = {};
    for (const name of cell.policies) {
      const outcomes = new Session(scenario, await pilotNamed(name)).run();
      tallies[name] = tallyOf(outcomes, scenario.framesPerSecond !== null);
    }
    return { cell, tallies };
  }

  private async scenarioOf({ model, workScale, world, seed }: Cell): Promise<Scenario> {
    const subject = await this.subject(model, workScale);
    if (world.kind === "stratum") return this.stratum(subject, world, seed);
    const { objective, framesPerSecond, answers, everyMs, slowdown, load, cloudScale, without } = world;
    const pauses = Array.from({ length: answers }, (_, at) => at * everyMs);
    const settings = worldOf(
      {
        ...(await this.rates(world)),
        rtt: { kind: "distribution", rttMs: around(world.rttMs) },
        slowdown,
        load: typeof load === "number" ? load : shareOfClients(load.clients, cloudScale * subject.cloudMs),
        tailMs: cloudScale * subject.cloudMs,
        durationMs: pauses.at(-1)! + 20_000,
        without: new Set(without),
      },
      seed,
    );
    const slower = { ...settings, cloud: { ...settings.cloud, scale: cloudScale } };
    return buildScenario(subject, slower, { objective, framesPerSecond, pauses }, seed);
  }

  /** Downlinks played as uplinks are slowed down to what uplinks are, about: most traces are downlinks. */
  private async rates({ uplink }: Extract<CellWorld, { kind: "given" }>) {
    if (typeof uplink === "number") return { uplink, downlink: DOWN_OVER_UP * uplink };
    const trace = await this.trace(uplink.file);
    const isUp = trace.direction === "uplink";
    const steps = playTrace(trace, { startMs: uplink.startMs });
    const times = (by: number) => steps.map(({ durationMs, bps }) => ({ durationMs, bps: by * bps }));
    return isUp
      ? { uplink: steps, downlink: times(DOWN_OVER_UP) }
      : { uplink: times(1 / DOWN_OVER_UP), downlink: steps };
  }

  private async stratum(
    subject: Subject,
    { place, most, assumption, wish }: Extract<CellWorld, { kind: "stratum" }>,
    seed: number,
  ): Promise<Scenario> {
    const usual = strataDraws(await readPopulation(), seed)[place]!;
    const draw = (assumption === null ? null : assumptionNamed(assumption))?.change?.(usual) ?? usual;
    const traces = await populationTraces([draw], this.tracesFolder);
    const { world, task } = fromDraw(draw, subject, {
      traces,
      most,
      objective: wish === "floor" ? "floor" : null,
    });
    return buildScenario(subject, world, task, draw.streamSeed);
  }

  private subject(model: string, workScale: number): Promise<Subject> {
    const key = `${model} ${workScale}`;
    const found = this.subjects.get(key) ?? openSubject(modelFolder(model), workScale);
    this.subjects.set(key, found);
    return found;
  }

  private trace(file: string): Promise<Trace> {
    const found = this.traces.get(file) ?? readTrace(file);
    this.traces.set(file, found);
    return found;
  }
}

/** Of a usual 4G (DADS, JointDNN: 5.85 and 13.76 Mbit/s). */
const DOWN_OVER_UP = 13.76 / 5.85;

/** Of the time of the service's workers, what clients take who each ask for a photo a second. */
function shareOfClients(clients: number, tailMs: number): number {
  return (clients * tailMs) / (1000 * WORKERS);
}

/** As the population's good 4G has it: 1.5 times the median for one in a hundred. */
function around(rttMs: number) {
  return { p: [0.1, 0.5, 0.9, 0.99], q: [0.85 * rttMs, rttMs, 1.2 * rttMs, 1.5 * rttMs] };
}

function tallyOf(outcomes: readonly Outcome[], isLoad: boolean): Tally {
  const count = (of: (outcome: Outcome) => boolean): number => outcomes.filter(of).length;
  const sum = (of: (outcome: Outcome) => number): number => outcomes.reduce((all, one) => all + of(one), 0);
  const foretold = outcomes.filter(({ wayMs, predictedP95Ms }) => wayMs !== null && predictedP95Ms !== null);
  return {
    answers: outcomes.length,
    inTime: count(({ inTime }) => inTime),
    right: count(({ right }) => right),
    rightInTime: count(({ right, inTime }) => right && inTime),
    twice: count(({ twice }) => twice),
    inner: count(({ isInner }) => isInner),
    foretold: foretold.length,
    exceeded: foretold.filter(({ wayMs, predictedP95Ms }) => wayMs! > predictedP95Ms!).length,
    edgeMs: Math.round(sum(({ edgeMs }) => edgeMs)),
    sentBytes: Math.round(sum(({ sentBytes }) => sentBytes)),
    fps: isLoad ? fpsOf(outcomes) : null,
    times: outcomes.flatMap(({ ms }) => (ms === null ? [] : [Math.round(1000 * ms)])),
  };
}
