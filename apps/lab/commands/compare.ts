import { type Compared, compareReports, readReport } from "../report/results/compare.ts";
import { command } from "./command.ts";
import type { Argument } from "./option.ts";
import { jsonOption, printJson } from "./shared-options.ts";

const reportsArgument: Argument<readonly [string, string]> = {
  name: "A.json B.json",
  help: "reports, as `npm run report` writes them",
  isPair: true,
  read: (text, other) => [text, other],
};

export const compareCommand = command({
  name: "compare",
  call: "npm run -s lab -- compare",
  about:
    "Lays the margins of two reports side by side, and tells which have clearly changed: whose intervals do not touch.",
  argument: reportsArgument,
  options: { json: jsonOption },
  run: async ({ argument: [first, second], options }) => {
    const compared = compareReports(await readReport(first), await readReport(second));
    if (options.json) printJson(compared);
    else process.stdout.write(compared.map(line).join(""));
  },
});

function line({ name, unit, before, after, isClear }: Compared): string {
  const shown = (one: Compared["before"]): string =>
    one === null ? "none" : `${one.value.toFixed(1)} (${one.low.toFixed(1)} to ${one.high.toFixed(1)})`;
  const mark = isClear ? "  changed" : "";
  return `${name.padEnd(76)} ${shown(before).padStart(24)}  ${shown(after).padStart(24)} ${unit}${mark}\n`;
}
