import { parseArgs } from "node:util";
import { EddiError } from "#shared/errors";
import { modelFolder } from "../files/model-folder.ts";
import { INSURED, PILOT_NAMES, pilotNamed } from "../simulate/policy/pilots.ts";
import { type Summary, summarise, summariseWeighted } from "../simulate/results/summary.ts";
import { table } from "../simulate/results/summary-table.ts";
import type { Pilot } from "../simulate/session/pilot.ts";
import { Session } from "../simulate/session/session.ts";
import { buildScenario } from "../simulate/set-up/build-scenario.ts";
import { readGiven } from "../simulate/set-up/given.ts";
import { inRange } from "../simulate/set-up/numbers.ts";
import { populationSessions } from "../simulate/set-up/population-sessions.ts";
import { RTT_FILES } from "../simulate/set-up/read-rtt.ts";
import { FEATURES, worldOf } from "../simulate/set-up/settings.ts";
import { openSubject, type Subject } from "../simulate/set-up/subject.ts";
import { readTask, readWish } from "../simulate/set-up/task.ts";
import { FORMAT_NAMES } from "../simulate/traces/read-trace.ts";
import { makeStatusLine } from "../terminal/status-line.ts";
import { wholeNumber } from "../terminal/whole-number.ts";

const USAGE = `npm run -s lab -- simulate MODEL --uplink FILE [options]

Plays a client's photos under several policies in a simulated world and tells what each came to. The planner, the link
filter, probes and deadlines are the page's own; edge and cloud take what their profiles say, what exits say of each
photo is recorded (lab evaluate MODEL --verdicts). MODEL is a folder under models/, or a path.

  --uplink FILE     a trace, told by folder, ending or content, or Mbit/s
  --downlink FILE   likewise (default 2.4 times the uplink)
  --format NAME     of traces: ${FORMAT_NAMES.join(", ")}
  --start S         seconds into the traces (default 0)
  --rtt MS|FILE     constant, or a file: ${RTT_FILES}
                    (default 50)
  --slowdown K      how many times as slow as the profiled machine the phone is (default 4)
  --load U          share of the service's time that other clients take, 0 to 0.95 (default 0.25)
  --work-scale K    the same exits with K times the work, on the edge and in the cloud (default 1)
  --without LIST    what the world is to be spared: ${FEATURES.join(", ")}

  --population [FILE]
                    instead of all these: the users of a population, the lab's own if no file is given; results count
                    each by its weight
  --draws N         so many of its users (default: its fixed strata)
  --traces FOLDER   that the population names its traces from (default EDDI_DATA, else ../shared/data)

  --budget MS       what is asked for: the best answer within it (with --population: each user's own)
  --min-accuracy A  or: the fastest of this top-1, 0 to 1; with --population also "floor": each user's own
  --fps Q           or: frames come so often, and overlap; also with one of the others

  --policies LIST   of ${PILOT_NAMES.join(", ")};
                    one of the literature's with ${INSURED} finishes on the phone in time as EDDI does; a path is a
                    policy of one's own (default eddi,edge-only,clairvoyant)
  --answers N       photos (default 200; with --population 20 a user at most)
  --every MS        from one to the next (default 2000)
  --seed S          of all that is drawn (default 1)
  --json            print {"policies":{NAME:{...}}}

A photo that is not answered within 10 s counts as lost, and a frame beyond six under way as dropped: neither in time.
`;

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: withValues(args),
    allowPositionals: true,
    options: {
      uplink: { type: "string" },
      downlink: { type: "string" },
      format: { type: "string" },
      start: { type: "string" },
      rtt: { type: "string" },
      slowdown: { type: "string" },
      load: { type: "string" },
      without: { type: "string" },
      population: { type: "string" },
      draws: { type: "string" },
      traces: { type: "string" },
      "work-scale": { type: "string", default: "1" },
      budget: { type: "string" },
      "min-accuracy": { type: "string" },
      fps: { type: "string" },
      policies: { type: "string", default: "eddi,edge-only,clairvoyant" },
      answers: { type: "string" },
      every: { type: "string" },
      seed: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
      help: { type: "boolean" },
    },
  });
  const [name, ...others] = positionals;
  if (values.help || name === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  if (others.length > 0)
    throw new EddiError("bad-argument", `expected one MODEL, got ${positionals.join(" ")}`);
  const status = makeStatusLine(process.stderr, () => performance.now());
  const seed = wholeNumber("--seed", values.seed, 0);
  const pilots = await pilotsOf(values.policies);
  const workScale = inRange("--work-scale", values["work-scale"], 0.01, 1000);
  const openModel = (): Promise<Subject> => openSubject(modelFolder(name), workScale);
  const wishes = { ...values, minAccuracy: values["min-accuracy"] };
  const played =
    values.population === undefined
      ? await playOne(wishes, openModel, seed)
      : await playPopulation({ ...wishes, population: values.population }, openModel, seed);
  const policies: Record<string, Summary> = {};
  for (const pilot of pilots) {
    policies[pilot.name] = played(pilot, (done) => status.update(`${pilot.name}: ${done}`));
  }
  status.note(`${name}: ${pilots.length} policies, seed ${seed}`);
  process.stdout.write(values.json ? `${JSON.stringify({ policies })}\n` : table(policies));
}

type Values = Partial<
  Record<
    | "uplink"
    | "downlink"
    | "format"
    | "start"
    | "rtt"
    | "slowdown"
    | "load"
    | "without"
    | "draws"
    | "traces"
    | "budget"
    | "minAccuracy"
    | "fps"
    | "answers"
    | "every",
    string | undefined
  >
>;

/** Lets a policy answer; tells how far it is. */
type Play = (pilot: Pilot, onProgress: (done: string) => void) => Summary;

async function playOne(values: Values, openModel: () => Promise<Subject>, seed: number): Promise<Play> {
  const { uplink, downlink, format, start = "0", rtt = "50", slowdown = "4", load = "0.25" } = values;
  refuseOthers(values, ["draws", "traces"], "with --population");
  if (uplink === undefined)
    throw new EddiError("bad-argument", "--uplink: expected a trace or Mbit/s, got none");
  const { budget, minAccuracy, fps, answers = "200", every = "2000", without = "" } = values;
  const task = readTask({ budget, minAccuracy, fps, answers, every });
  const given = await readGiven({ uplink, downlink, format, start, rtt, slowdown, load, without });
  const subject = await openModel();
  const durationMs = task.pauses.at(-1)! + 20_000;
  const world = worldOf({ ...given, tailMs: subject.cloudMs, durationMs }, seed);
  const scenario = buildScenario(subject, world, task, seed);
  return (pilot, onProgress) => {
    onProgress(`${task.pauses.length} photos`);
    return summarise(new Session(scenario, pilot).run(), task.framesPerSecond !== null);
  };
}

/** Options of a single world; a population brings its own. */
const OF_ONE = [
  "uplink",
  "downlink",
  "format",
  "start",
  "rtt",
  "slowdown",
  "load",
  "without",
  "fps",
  "every",
] as const;

async function playPopulation(
  values: Values & { readonly population: string },
  openModel: () => Promise<Subject>,
  seed: number,
): Promise<Play> {
  refuseOthers(values, OF_ONE, "without --population");
  const { population, draws, traces, answers = "20", budget, minAccuracy } = values;
  const count = draws === undefined ? null : wholeNumber("--draws", draws, 1);
  const most = wholeNumber("--answers", answers, 1);
  const objective = readWish(budget, minAccuracy);
  const file = population === "" ? undefined : population;
  const options = { file, draws: count, seed, most, objective, traces, env: process.env };
  const sessions = await populationSessions(await openModel(), options);
  return (pilot, onProgress) => {
    const played = sessions.map(({ draw, scenario }, at) => {
      onProgress(`${at + 1} of ${sessions.length} users`);
      return { weight: draw.weight, outcomes: new Session(scenario, pilot).run() };
    });
    return summariseWeighted(played);
  };
}

function refuseOthers(values: Values, names: readonly (keyof Values)[], where: string): void {
  const name = names.find((one) => values[one] !== undefined);
  if (name !== undefined) throw new EddiError("bad-argument", `expected --${name} only ${where}`);
}

/** Values that `parseArgs` takes for options, numbers below 0, and the one option that may go without. */
function withValues(args: readonly string[]): string[] {
  return args.flatMap((arg, at) => {
    const [before, next] = [args[at - 1] ?? "", args[at + 1] ?? ""];
    const isNegative = (text: string): boolean => /^-[\d.]/.test(text);
    if (isNegative(arg) && before.startsWith("--")) return [];
    if (isNegative(next) && arg.startsWith("--")) return [`${arg}=${next}`];
    if (arg === "--population" && (next === "" || next.startsWith("-"))) return ["--population="];
    return [arg];
  });
}

async function pilotsOf(list: string): Promise<readonly Pilot[]> {
  const names = [...new Set(list.split(",").map((name) => name.trim()))];
  const pilots: Pilot[] = [];
  for (const name of names) pilots.push(await pilotNamed(name));
  return pilots;
}
