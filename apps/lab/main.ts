import { EddiError } from "#shared/errors";

interface Command {
  run(args: readonly string[]): Promise<void>;
}

/** Every command of the lab; each is loaded only when it is called. */
const COMMANDS: Readonly<Record<string, readonly [string, () => Promise<Command>]>> = {
  data: ["download and unpack a data set", () => import("./commands/data.ts")],
  train: ["train a multi-exit model", () => import("./commands/train.ts")],
  evaluate: ["measure the accuracy of every exit", () => import("./commands/evaluate.ts")],
  calibrate: ["fit temperatures and early-exit policies", () => import("./commands/calibrate.ts")],
  profile: ["measure a model's times on this machine", () => import("./commands/profile.ts")],
  graph: ["show and draw what a model's DAG is made into", () => import("./commands/graph.ts")],
  plan: ["plan problems given as JSON", () => import("./commands/plan.ts")],
  "phase-map": ["draw which exit and cut win where", () => import("./commands/phase-map.ts")],
  simulate: ["play photos under policies on traces", () => import("./commands/simulate.ts")],
  estimate: ["replay requests, tell RTT and uplink", () => import("./commands/estimate.ts")],
  "evaluate-latency": [
    "compare predicted with measured times of the stages",
    () => import("./commands/evaluate-latency.ts"),
  ],
  proxy: ["shape the network between page and service", () => import("./commands/proxy.ts")],
  demo: ["classify photos under budgets and networks, print a table", () => import("./commands/demo.ts")],
  import: ["make a foreign TF.js classifier one of ours", () => import("./commands/import.ts")],
  "add-exits": [
    "attach early exits to an imported model, without labels",
    () => import("./commands/add-exits.ts"),
  ],
  export: ["write a trained model as a GraphModel", () => import("./commands/export.ts")],
};

const [name = "--help", ...args] = process.argv.slice(2);
try {
  const command = COMMANDS[name];
  if (command !== undefined) await (await command[1]()).run(args);
  else if (name === "--help") process.stdout.write(usage());
  else
    throw new EddiError("bad-argument", `expected one of ${Object.keys(COMMANDS).join(", ")}, got ${name}`);
} catch (error) {
  process.stderr.write(`${isExpected(error) ? error.message : (error as Error).stack}\n`);
  process.exitCode = 2;
}

/** Ours, or an option that `node:util` does not know. */
function isExpected(error: unknown): error is Error {
  const { code = "" } = error as NodeJS.ErrnoException;
  return error instanceof EddiError || code.startsWith("ERR_PARSE_ARGS");
}

function usage(): string {
  const rows = Object.entries(COMMANDS).map(([name, [purpose]]) => `  ${name.padEnd(18)}${purpose}`);
  return `npm run lab -- COMMAND [options]; COMMAND --help says more\n\n${rows.join("\n")}\n`;
}
