import { PAGE_STYLE } from "./page-style.ts";
import type { Report } from "./results/report.ts";
import { ablationsSection } from "./sections/ablations.ts";
import { budgetsSection } from "./sections/budgets.ts";
import { cutsSection } from "./sections/cuts.ts";
import { tracesSection } from "./sections/every-trace.ts";
import { hardshipsSection } from "./sections/hardships.ts";
import { capacitySection, networksSection, uplinksSection } from "./sections/latency.ts";
import { loadSection } from "./sections/load.ts";
import { marginsSection } from "./sections/margins.ts";
import { populationSection } from "./sections/population.ts";
import { sensitivitySection } from "./sections/sensitivity.ts";
import { splittingSection } from "./sections/splitting.ts";

/** The whole report as one page that needs nothing else. */
export function reportPage(report: Report): string {
  const { models, answers, seed, traces } = report.made;
  const about =
    `${answers.toLocaleString("en")} simulated answers of ${models.join(", ")} on ${traces.length} traces, seed ${seed}. ` +
    "Photos and what exits say of them are recorded; links, phones and services are simulated; every policy meets the same.";
  const sections = [
    marginsSection(report),
    budgetsSection(report),
    tracesSection(report),
    populationSection(report),
    splittingSection(report),
    sensitivitySection(report),
    networksSection(report),
    uplinksSection(report),
    capacitySection(report),
    loadSection(report),
    cutsSection(report),
    ablationsSection(report),
    hardshipsSection(report),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark"><title>EDDI against every policy</title><style>${PAGE_STYLE}</style></head>
<body><h1>EDDI against every policy</h1><p>${about}</p>
${sections.join("\n")}
</body></html>
`;
}
