import { fleetTable } from "../simulate/fleet/fleet-table.ts";
import { INSURED, PILOT_NAMES, pilotsNamed } from "../simulate/policy/pilots.ts";
import { answersCsv } from "../simulate/results/answers-csv.ts";
import type { Summary } from "../simulate/results/summary.ts";
import { table } from "../simulate/results/summary-table.ts";
import { playFleet } from "../simulate/run/play-fleet.ts";
import { playOne } from "../simulate/run/play-one.ts";
import { playPopulation } from "../simulate/run/play-population.ts";
import type { Outcome } from "../simulate/session/outcome.ts";
import { RTT_FILES } from "../simulate/set-up/read-rtt.ts";
import { FEATURES } from "../simulate/set-up/settings.ts";
import { openSubject, type Subject } from "../simulate/set-up/subject.ts";
import { FORMAT_NAMES } from "../simulate/traces/read-trace.ts";
import { command } from "./command.ts";
import { flag, number, text, textOrNone, whole } from "./option.ts";
import { modelArgument, outOption, seedOption, writeOut } from "./shared-options.ts";

export const simulateCommand = command({
  name: "simulate",
  call: "npm run -s lab -- simulate",
  about: `Plays a client's photos under several policies in a simulated world and tells what each came to. The planner, the link
filter, probes and deadlines are the page's own; edge and cloud take what their profiles say, what exits say of each
photo is recorded (lab evaluate MODEL --verdicts).`,
  argument: modelArgument,
  options: {
    uplink: text("FILE", "a trace, told by folder, ending or content, or Mbit/s"),
    downlink: text("FILE", "likewise (default 2.4 times the uplink)"),
    format: text("NAME", `of traces: ${FORMAT_NAMES.join(", ")}`),
    start: text("S", "seconds into the traces (default 0)"),
    rtt: text("MS|FILE", `constant, or a file: ${RTT_FILES} (default 50)`),
    slowdown: text("K", "how many times as slow as the profiled machine the phone is (default 4)"),
    load: text("U", "share of the service's time that other clients take, 0 to 0.95 (default 0.25)"),
    without: text("LIST", `what the world is to be spared: ${FEATURES.join(", ")} (default nothing)`),
    population: textOrNone(
      "FILE",
      "instead of all these: users of a population, the lab's own if no file is given; each counts by its weight",
    ),
    draws: whole("so many of its users (default its fixed strata)", 1),
    traces: text(
      "FOLDER",
      "that a population names its traces from (default EDDI_DATA, else ../shared/data)",
    ),
    "work-scale": number(
      "K",
      "the same exits with K times the work, on the edge and in the cloud",
      [0.01, 1000],
      1,
    ),
    budget: text("MS", "what is asked for: the best answer within it; of a population each user's own"),
    "min-accuracy": text(
      "A",
      'or: the fastest of this top-1, 0 to 1; of a population also "floor": each user\'s own',
    ),
    fps: text("Q", "or: frames come so often, and overlap; also with one of the others"),
    policies: text(
      "LIST",
      `of ${PILOT_NAMES.join(", ")}; one of the literature's with ${INSURED} finishes on the phone in time as EDDI does; a path is a policy of one's own`,
      "eddi,edge-only,clairvoyant",
    ),
    fleet: textOrNone(
      "CLIENTS",
      "instead of all these: so many users of the population, 10 to 100000 (default 1000), who plan alone by what one service tells",
    ),
    replicas: whole("of that service at most, 1 to 100 (default 10)", 1),
    duration: text("S", "how long the fleet is watched (default 3600)"),
    scaling: text(
      "S|off",
      "until a replica that the autoscaler wants is there (default 60); off: all are there",
    ),
    failure: text(
      "S|off",
      "for how long half of the replicas die, at half of the time (default 60); off: none does",
    ),
    answers: whole("photos (default 200; of a population at most 20 a user)", 1),
    every: text("MS", "from one to the next (default 2000; of a fleet 30000, in the mean)"),
    seed: seedOption("of all that is drawn"),
    csv: outOption(
      "writes what became of every photo there: exit, cut, codec, foretold and true time, energy",
    ),
    json: flag('print {"policies":{NAME:{...}}}'),
  },
  more: "A photo that is not answered within 10 s counts as lost, and a frame beyond six under way as dropped: neither in time.",
  run: async ({ argument: { folder, name }, options, status }) => {
    const { seed, population, fleet } = options;
    const openModel = (): Promise<Subject> => openSubject(folder, options["work-scale"]);
    const wishes = { ...options, minAccuracy: options["min-accuracy"] };
    if (fleet !== undefined) {
      const summary = await playFleet({ ...wishes, fleet, population }, openModel, seed, (text) =>
        status.update(text),
      );
      status.note(`${name}: ${summary.clients} clients, seed ${seed}`);
      process.stdout.write(options.json ? `${JSON.stringify({ fleet: summary })}\n` : fleetTable(summary));
      return;
    }
    const pilots = await pilotsNamed(options.policies);
    const play =
      population === undefined
        ? await playOne(wishes, openModel, seed)
        : await playPopulation({ ...wishes, population }, openModel, seed);
    const policies: Record<string, Summary> = {};
    const answers = new Map<string, readonly Outcome[]>();
    for (const pilot of pilots) {
      const { summary, outcomes } = play(pilot, (done) => status.update(`${pilot.name}: ${done}`));
      policies[pilot.name] = summary;
      answers.set(pilot.name, outcomes);
    }
    if (options.csv !== undefined) await writeOut(options.csv, answersCsv(answers), "--csv");
    status.note(`${name}: ${pilots.length} policies, seed ${seed}`);
    process.stdout.write(options.json ? `${JSON.stringify({ policies })}\n` : table(policies));
  },
});
