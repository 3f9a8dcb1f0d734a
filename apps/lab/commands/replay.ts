import { readFile } from "node:fs/promises";
import { EddiError } from "#shared/errors";
import { codecWords, type Plan } from "#shared/model";
import { type Replayed, readVisit, replayTrace } from "#shared/planning";
import { modelFolder, readModelFolder } from "../files/model-folder.ts";
import { command } from "./command.ts";
import { jsonOption, printJson } from "./shared-options.ts";

/** Decisions that are told of one by one. */
const MOST_TOLD = 20;

export const replayCommand = command({
  name: "replay",
  about: `Decides everything anew that was decided on a visit, by the planner as it is today, from what was known then,
and tells where it would decide otherwise.`,
  argument: {
    name: "FILE",
    help: "a visit, as the page's settings save it; its model is looked for in models/",
    read: (file) => file,
  },
  options: { json: jsonOption },
  run: async ({ argument: file, options }) => {
    const { planning: trace } = readVisit(await textOf(file));
    const model = await readModelFolder(modelFolder(trace.model));
    const replayed = replayTrace(model, trace);
    const simulated = replayed.filter(({ isSimulated }) => isSimulated).length;
    const others = replayed.filter(({ isSame }) => !isSame);
    const decisions = replayed.length;
    const isVersion = model.version === trace.version;
    if (options.json) {
      const told = others.map(({ request: { readyNodes: _, ...request }, ...one }) => ({ ...one, request }));
      printJson({ model: trace.model, isVersion, decisions, simulated, others: told });
      return;
    }
    const note = isVersion
      ? ""
      : ` (version ${trace.version}; ${model.version} is here, so that its accuracies may be others)`;
    const lines = others.slice(0, MOST_TOLD).map(toldOf);
    const more = others.length > MOST_TOLD ? [`and ${others.length - MOST_TOLD} more: --json tells all`] : [];
    process.stdout.write(
      `${[
        `${trace.model}${note}, planned by ${trace.planner}`,
        `${decisions} decisions, ${others.length} of them other ones today`,
        ...(simulated === 0 ? [] : [`${simulated} were made in simulated conditions`]),
        ...lines,
        ...more,
      ].join("\n")}\n`,
    );
  },
});

function textOf(file: string): Promise<string> {
  return readFile(file, "utf8").catch((cause: unknown) => {
    throw new EddiError("not-found", `FILE: expected a file at ${file}, got none`, { cause });
  });
}

function toldOf({ atMs, request, then, now, isSimulated }: Replayed): string {
  const { conditions, budgetMs, minAccuracy, cloudUp } = request;
  const { rttMs, uplinkBps, edgeScale } = conditions;
  const wish = minAccuracy === null ? `within ${budgetMs} ms` : `top-1 of ${minAccuracy}`;
  const link = cloudUp
    ? `RTT ${rttMs.toFixed(0)} ms, ${(uplinkBps / 1e6).toPrecision(3)} Mbit/s`
    : "no cloud";
  const at = `${(atMs / 1000).toFixed(1)} s`.padStart(8);
  const mark = isSimulated ? "simulated, " : "";
  return `${at}  ${mark}${wish}, ${link}, edge × ${edgeScale.toPrecision(3)}: then ${wordsOf(then)}; today ${wordsOf(now)}`;
}

function wordsOf(plan: Plan | null): string {
  if (plan === null) return "none";
  const codecs = [...new Set(Object.values(plan.codecs ?? {}).map(codecWords))].join(" and ");
  const early = (plan.early ?? []).map(({ exit }) => exit).join(", ");
  return [
    `${plan.exit}, ${plan.head.length - 1} nodes here`,
    ...(codecs === "" ? [] : [codecs]),
    ...(early === "" ? [] : [`early at ${early}`]),
    ...(plan.insurance === undefined ? [] : [`insured by ${plan.insurance.exit}`]),
  ].join(", ");
}
