import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { EddiError } from "#shared/errors";
import { type Conditions, NO_SPREAD } from "#shared/model";
import { LivePlanner, type Objective } from "#shared/optimizer";
import { type PhaseCell, type PhaseMap, phaseMapSvg } from "../draw/phase-map-svg.ts";
import { modelFolder, readModelFolder } from "../files/model-folder.ts";
import { modelCosts } from "../planning/model-costs.ts";

const USAGE = `npm run lab -- phase-map MODEL [options]

Draws which exit and cut win over uplink (0.05 to 100 Mbit/s) and cloud scale (1/4 to 64 times the profile's
times), and prints how much of the map each has. Conditions are certain; early exits are left out. Costs come
from the profiles in MODEL/profiles. MODEL is a folder under models/, or a path.

  --rtt MS          round trip time (default 40)
  --budget MS       the most accurate exit within it wins (default 150)
  --min-accuracy A  instead of a budget: the fastest plan of this top-1, 0 to 1, wins
  --edge-scale A    how many times as slow as the profile the phone is (default 20)
  --columns N       cells across (default 160)
  --rows N          cells down (default 80)
  --out FILE        the picture, SVG (default phase-map-MODEL.svg, here)
  --json            print the whole map as JSON
`;

const UPLINK_MBPS = [0.05, 100] as const;
const CLOUD_SCALES = [0.25, 64] as const;

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rtt: { type: "string", default: "40" },
      budget: { type: "string", default: "150" },
      "min-accuracy": { type: "string" },
      "edge-scale": { type: "string", default: "20" },
      columns: { type: "string", default: "160" },
      rows: { type: "string", default: "80" },
      out: { type: "string" },
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
  const rttMs = inRange("--rtt", values.rtt, 0, 1e5);
  const edgeScale = inRange("--edge-scale", values["edge-scale"], 1e-3, 1e4);
  const floor = values["min-accuracy"];
  const objective: Objective =
    floor === undefined
      ? { kind: "accuracy", budgetMs: inRange("--budget", values.budget, 0, 1e6) }
      : { kind: "latency", minAccuracy: inRange("--min-accuracy", floor, 0, 1) };
  const folder = modelFolder(name);
  const model = await readModelFolder(folder);
  const costs = await modelCosts(folder, model);
  const planner = new LivePlanner({ costs: costs.exits });
  const uplinkMbps = steps(UPLINK_MBPS, inRange("--columns", values.columns, 2, 2000));
  const cloudScales = steps(CLOUD_SCALES, inRange("--rows", values.rows, 2, 2000));
  const cells = cloudScales.map((cloudScale) =>
    uplinkMbps.map((mbps) => cellAt(planner, objective, { rttMs, edgeScale, cloudScale, mbps })),
  );
  const wanted =
    objective.kind === "accuracy"
      ? `budget ${objective.budgetMs} ms`
      : `top-1 of at least ${objective.minAccuracy}`;
  const title = `${model.metadata.id}: RTT ${rttMs} ms, ${wanted}, edge scale ${edgeScale}`;
  const map: PhaseMap = { title, uplinkMbps, cloudScales, cells };

  const out = values.out ?? `phase-map-${model.metadata.id}.svg`;
  await writeFile(out, phaseMapSvg(map)).catch((cause: Error) => {
    const came = `got ${out} (${cause.message})`;
    throw new EddiError("bad-argument", `--out: expected a file that can be written, ${came}`, { cause });
  });
  const profiles = { head: costs.head, tail: costs.tail };
  if (values.json) process.stdout.write(`${JSON.stringify({ ...map, profiles, picture: out })}\n`);
  else
    process.stdout.write(
      `${title}\nprofiles: ${costs.head}, ${costs.tail}\n\n${shares(map)}\npicture: ${out}\n`,
    );
}

/** What wins under certain conditions. */
function cellAt(
  planner: LivePlanner,
  objective: Objective,
  at: { rttMs: number; edgeScale: number; cloudScale: number; mbps: number },
): PhaseCell {
  const conditions: Conditions = {
    rttMs: at.rttMs,
    uplinkBps: at.mbps * 1e6,
    downlinkBps: 30e6,
    edgeScale: at.edgeScale,
    cloudScale: at.cloudScale,
    queueMs: 0,
    spread: NO_SPREAD,
  };
  const request = { conditions, objective };
  const { exit, cut, feasible } = planner.describe(planner.decide(request)!, request);
  return { exit, cut, feasible };
}

/** Share of the map that every exit and cut has, the largest first. */
function shares({ cells }: PhaseMap): string {
  const counts = new Map<string, number>();
  for (const { exit, cut, feasible } of cells.flat()) {
    const where = cut.length === 0 ? "all on the edge" : `cut at ${cut.join(", ")}`;
    const key = `${exit}, ${where}${feasible ? "" : " (misses)"}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const total = cells.flat().length;
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([key, count]) => `${((100 * count) / total).toFixed(1).padStart(5)} %  ${key}\n`)
    .join("");
}

/** Evenly on a logarithmic scale, both ends included. */
function steps([least, most]: readonly [number, number], count: number): readonly number[] {
  const whole = Math.round(count);
  return Array.from({ length: whole }, (_, at) => least * (most / least) ** (at / (whole - 1)));
}

function inRange(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= least && value <= most) return value;
  throw new EddiError("bad-argument", `${option}: expected a number from ${least} to ${most}, got ${text}`);
}
