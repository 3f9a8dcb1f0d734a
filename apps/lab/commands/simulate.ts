import { INSURED, PILOT_NAMES, pilotNamed } from "../simulate/policy/pilots.ts";
import { type Summary, summarise } from "../simulate/results/summary.ts";
import type { Pilot } from "../simulate/session/pilot.ts";
import { Session } from "../simulate/session/session.ts";
import { buildScenario } from "../simulate/set-up/build-scenario.ts";
import { readGiven } from "../simulate/set-up/given.ts";
import { RTT_FILES } from "../simulate/set-up/read-rtt.ts";
import { FEATURES, worldOf } from "../simulate/set-up/settings.ts";
import { openSubject } from "../simulate/set-up/subject.ts";
import { readTask } from "../simulate/set-up/task.ts";
import { FORMAT_NAMES } from "../simulate/traces/read-trace.ts";
import { command } from "./command.ts";
import { flag, number, required, text, whole } from "./option.ts";
import { modelArgument, seedOption } from "./shared-options.ts";

export const simulateCommand = command({
  name: "simulate",
  call: "npm run -s lab -- simulate",
  about: `Plays a client's photos under several policies in a simulated world and tells what each came to. The planner, the link
filter, probes and deadlines are the page's own; edge and cloud take what their profiles say, what exits say of each
photo is recorded (lab evaluate MODEL --verdicts).`,
  argument: modelArgument,
  options: {
    uplink: required(text("FILE", "a trace, told by folder, ending or content, or Mbit/s")),
    downlink: text("FILE", "likewise (default 2.4 times the uplink)"),
    format: text("NAME", `of traces: ${FORMAT_NAMES.join(", ")}`),
    start: text("S", "seconds into the traces", "0"),
    rtt: text("MS|FILE", `constant, or a file: ${RTT_FILES}`, "50"),
    slowdown: text("K", "how many times as slow as the profiled machine the phone is", "4"),
    load: text("U", "share of the service's time that other clients take, 0 to 0.95", "0.25"),
    "work-scale": number(
      "K",
      "the same exits with K times the work, on the edge and in the cloud",
      [0.01, 1000],
      1,
    ),
    without: text("LIST", `what the world is to be spared: ${FEATURES.join(", ")} (default nothing)`, ""),
    budget: text("MS", "what is asked for: the best answer within it"),
    "min-accuracy": text("A", "or: the fastest of this top-1, 0 to 1"),
    fps: text("Q", "or: frames come so often, and overlap; also with one of the others"),
    policies: text(
      "LIST",
      `of ${PILOT_NAMES.join(", ")}; one of the literature's with ${INSURED} finishes on the phone in time as EDDI does; a path is a policy of one's own`,
      "eddi,edge-only,clairvoyant",
    ),
    answers: whole("photos", 1, 200),
    every: text("MS", "from one to the next", "2000"),
    seed: seedOption("of all that is drawn"),
    json: flag('print {"policies":{NAME:{...}}}'),
  },
  more: "A photo that is not answered within 10 s counts as lost, and a frame beyond six under way as dropped: neither in time.",
  run: async ({ argument: { folder }, options, status }) => {
    const { uplink, rtt, slowdown, downlink, format, start, load, without, seed } = options;
    const { budget, "min-accuracy": minAccuracy, fps, answers, every } = options;
    const task = readTask({ budget, minAccuracy, fps, answers, every });
    const pilots = await pilotsOf(options.policies);
    const given = await readGiven({ uplink, downlink, format, start, rtt, slowdown, load, without });
    const subject = await openSubject(folder, options["work-scale"]);
    const durationMs = task.pauses.at(-1)! + 20_000;
    const world = worldOf({ ...given, tailMs: subject.cloudMs, durationMs }, seed);
    const scenario = buildScenario(subject, world, task, seed);
    const policies: Record<string, Summary> = {};
    for (const [at, pilot] of pilots.entries()) {
      status.update(`${pilot.name}: ${task.pauses.length} photos (${at + 1} of ${pilots.length})`);
      policies[pilot.name] = summarise(new Session(scenario, pilot).run(), task.framesPerSecond !== null);
    }
    status.note(`${subject.model.metadata.id}: ${task.pauses.length} photos under ${pilots.length} policies`);
    process.stdout.write(options.json ? `${JSON.stringify({ policies })}\n` : table(policies));
  },
});

async function pilotsOf(list: string): Promise<readonly Pilot[]> {
  const names = [...new Set(list.split(",").map((name) => name.trim()))];
  const pilots: Pilot[] = [];
  for (const name of names) pilots.push(await pilotNamed(name));
  return pilots;
}

function table(policies: Readonly<Record<string, Summary>>): string {
  const percent = (share: number | null): string => (share === null ? "-" : (100 * share).toFixed(1));
  const ms = (value: number | null): string => (value === null ? "-" : value.toFixed(0));
  const rows = Object.entries(policies).map(([name, s]) => [
    name,
    percent(s.accuracyInTime),
    percent(s.inTime),
    percent(s.accuracy),
    ms(s.meanMs),
    ms(s.p95Ms),
    s.fps === null ? "-" : s.fps.toFixed(1),
    percent(s.twice),
    percent(s.innerCut),
    percent(s.p95Exceeded),
  ]);
  const all = [HEADINGS, ...rows];
  const widths = HEADINGS.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  ");
  return `${all.map(line).join("\n")}\n`;
}

const HEADINGS = [
  "policy",
  "right in time %",
  "in time %",
  "right %",
  "mean ms",
  "p95 ms",
  "fps",
  "twice %",
  "inner %",
  "p95 exceeded %",
] as const;
