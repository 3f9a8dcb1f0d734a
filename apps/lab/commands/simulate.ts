import { parseArgs } from "node:util";
import { EddiError } from "#shared/errors";
import { modelFolder } from "../files/model-folder.ts";
import { INSURED, PILOT_NAMES, pilotNamed } from "../simulate/policy/pilots.ts";
import { type Summary, summarise } from "../simulate/results/summary.ts";
import type { Pilot } from "../simulate/session/pilot.ts";
import { Session } from "../simulate/session/session.ts";
import { buildScenario } from "../simulate/set-up/build-scenario.ts";
import { readGiven } from "../simulate/set-up/given.ts";
import { inRange } from "../simulate/set-up/numbers.ts";
import { RTT_FILES } from "../simulate/set-up/read-rtt.ts";
import { FEATURES, worldOf } from "../simulate/set-up/settings.ts";
import { openSubject } from "../simulate/set-up/subject.ts";
import { readTask } from "../simulate/set-up/task.ts";
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

  --budget MS       what is asked for: the best answer within it
  --min-accuracy A  or: the fastest of this top-1, 0 to 1
  --fps Q           or: frames come so often, and overlap; also with one of the others

  --policies LIST   of ${PILOT_NAMES.join(", ")};
                    one of the literature's with ${INSURED} finishes on the phone in time as EDDI does; a path is a
                    policy of one's own (default eddi,edge-only,clairvoyant)
  --answers N       photos (default 200)
  --every MS        from one to the next (default 2000)
  --seed S          of all that is drawn (default 1)
  --json            print {"policies":{NAME:{...}}}

A photo that is not answered within 10 s counts as lost, and a frame beyond six under way as dropped: neither in time.
`;

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      uplink: { type: "string" },
      downlink: { type: "string" },
      format: { type: "string" },
      start: { type: "string", default: "0" },
      rtt: { type: "string", default: "50" },
      slowdown: { type: "string", default: "4" },
      load: { type: "string", default: "0.25" },
      "work-scale": { type: "string", default: "1" },
      without: { type: "string", default: "" },
      budget: { type: "string" },
      "min-accuracy": { type: "string" },
      fps: { type: "string" },
      policies: { type: "string", default: "eddi,edge-only,clairvoyant" },
      answers: { type: "string", default: "200" },
      every: { type: "string", default: "2000" },
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
  const { uplink, rtt, slowdown, downlink, format, start, load, without, budget, fps, answers, every } =
    values;
  if (uplink === undefined)
    throw new EddiError("bad-argument", "--uplink: expected a trace or Mbit/s, got none");
  const status = makeStatusLine(process.stderr, () => performance.now());
  const task = readTask({ budget, minAccuracy: values["min-accuracy"], fps, answers, every });
  const seed = wholeNumber("--seed", values.seed, 0);
  const pilots = await pilotsOf(values.policies);
  const given = await readGiven({ uplink, downlink, format, start, rtt, slowdown, load, without });
  const subject = await openSubject(
    modelFolder(name),
    inRange("--work-scale", values["work-scale"], 0.01, 1000),
  );
  const durationMs = task.pauses.at(-1)! + 20_000;
  const world = worldOf({ ...given, tailMs: subject.cloudMs, durationMs }, seed);
  const scenario = buildScenario(subject, world, task, seed);
  const policies: Record<string, Summary> = {};
  for (const [at, pilot] of pilots.entries()) {
    status.update(`${pilot.name}: ${task.pauses.length} photos (${at + 1} of ${pilots.length})`);
    policies[pilot.name] = summarise(new Session(scenario, pilot).run(), task.framesPerSecond !== null);
  }
  status.note(`${subject.model.metadata.id}: ${task.pauses.length} photos under ${pilots.length} policies`);
  process.stdout.write(values.json ? `${JSON.stringify({ policies })}\n` : table(policies));
}

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
