import { type Conditions, NO_SPREAD } from "#shared/model";
import { LivePlanner, type Objective } from "#shared/optimizer";
import { type PhaseCell, type PhaseMap, phaseMapSvg } from "../draw/phase-map-svg.ts";
import { readModelFolder } from "../files/model-folder.ts";
import { modelCosts } from "../planning/model-costs.ts";
import { command } from "./command.ts";
import { flag, number } from "./option.ts";
import { modelArgument, outOption, writeOut } from "./shared-options.ts";

const UPLINK_MBPS = [0.05, 100] as const;
const CLOUD_SCALES = [0.25, 64] as const;
const CELLS = [2, 2000] as const;

export const phaseMapCommand = command({
  name: "phase-map",
  about: `Draws which exit and cut win over uplink (0.05 to 100 Mbit/s) and cloud scale (1/4 to 64 times the profile's
times), and prints how much of the map each has. Conditions are certain; early exits are left out. Costs come
from the profiles in MODEL/profiles.`,
  argument: modelArgument,
  options: {
    rtt: number("MS", "round trip time", [0, 1e5], 40),
    budget: number("MS", "the most accurate exit within it wins", [0, 1e6], 150),
    "min-accuracy": number("A", "instead of a budget: the fastest plan of this top-1, 0 to 1, wins", [0, 1]),
    "edge-scale": number("A", "how many times as slow as the profile the phone is", [1e-3, 1e4], 20),
    columns: number("N", "cells across", CELLS, 160),
    rows: number("N", "cells down", CELLS, 80),
    out: outOption("the picture, SVG (default phase-map-MODEL.svg, here)"),
    json: flag("print the whole map as JSON"),
  },
  run: async ({ argument: { folder }, options }) => {
    const { rtt: rttMs, budget: budgetMs, "min-accuracy": minAccuracy, "edge-scale": edgeScale } = options;
    const objective: Objective =
      minAccuracy === undefined ? { kind: "accuracy", budgetMs } : { kind: "latency", minAccuracy };
    const model = await readModelFolder(folder);
    const costs = await modelCosts(folder, model);
    const planner = new LivePlanner({ costs: costs.exits });
    const uplinkMbps = steps(UPLINK_MBPS, options.columns);
    const cloudScales = steps(CLOUD_SCALES, options.rows);
    const cells = cloudScales.map((cloudScale) =>
      uplinkMbps.map((mbps) => cellAt(planner, objective, { rttMs, edgeScale, cloudScale, mbps })),
    );
    const wanted =
      objective.kind === "accuracy"
        ? `budget ${objective.budgetMs} ms`
        : `top-1 of at least ${objective.minAccuracy}`;
    const title = `${model.metadata.id}: RTT ${rttMs} ms, ${wanted}, edge scale ${edgeScale}`;
    const map: PhaseMap = { title, uplinkMbps, cloudScales, cells };
    const { out = `phase-map-${model.metadata.id}.svg` } = options;
    await writeOut(out, phaseMapSvg(map));
    const { head, tail } = costs;
    if (options.json) {
      process.stdout.write(`${JSON.stringify({ ...map, profiles: { head, tail }, picture: out })}\n`);
    } else {
      process.stdout.write(`${title}\nprofiles: ${head}, ${tail}\n\n${shares(map)}\npicture: ${out}\n`);
    }
  },
});

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
