import { CLASSES, cutMapPlot, WORDS } from "../plots/cut-map-plot.ts";
import { sharePlot } from "../plots/share-plot.ts";
import type { CutMap, CutObjective, Place } from "../results/inner-cuts.ts";
import type { Report } from "../results/report.ts";
import { plots, section } from "./html.ts";

export function cutsSection({ cutMaps }: Report): string {
  return section(
    "Where a cut inside the DAG is best",
    `${cutSentence(cutMaps)} Conditions certain, RTT 50 ms, by the planner itself: grey is all on the phone, blue a cut inside, ochre the image. Accuracy: within 60 to 600 ms, what most budgets want. Latency and throughput: of a top-1 one point below the full net's.`,
    plots([cutSharesPlot(cutMaps)]),
    plots(cutMaps.map(cutMapPlot)),
  );
}

/** How often which cut is best, by model and objective. */
export function cutSharesPlot(maps: readonly CutMap[]): string {
  const rows = OBJECTIVES.flatMap((objective) =>
    of(maps, objective).map(({ model, shares }) => ({
      name: `${model}, ${objective}`,
      parts: PLACES.map((place) => ({ name: WORDS[place], share: shares[place], className: CLASSES[place] })),
    })),
  );
  return sharePlot("Where the best plan cuts, share of conditions", rows);
}

const OBJECTIVES: readonly CutObjective[] = ["accuracy", "latency", "throughput"];
const PLACES: readonly Place[] = ["edge", "inner", "image"];

/** In one sentence, for people who do not look at plots. */
export function cutSentence(maps: readonly CutMap[]): string {
  const spans = OBJECTIVES.map((objective) => {
    const percents = of(maps, objective).map(({ shares }) => Math.round(100 * shares.inner));
    const [least, most] = [Math.min(...percents), Math.max(...percents)];
    return `${objective} in ${least === most ? least : `${least} to ${most}`} %`;
  });
  const [first] = maps;
  const conditions = (first?.uplinksMbps.length ?? 0) * (first?.slowdowns.length ?? 0);
  return `A cut inside the DAG is the best plan for ${spans.slice(0, -1).join(", for ")}, and for ${spans.at(-1)} of ${conditions} conditions (uplinks of 0.05 to 50 Mbit/s, phones half to 32 times as slow as the profiled machine), by model.`;
}

function of(maps: readonly CutMap[], objective: CutObjective): readonly CutMap[] {
  return maps.filter((map) => map.objective === objective);
}
