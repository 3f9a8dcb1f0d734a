import { EddiError } from "#shared/errors";
import { COMMANDS } from "./commands/table.ts";

/**
 * Runs a command of the lab.
 *
 * @param args its name and what follows
 * @throws EddiError saying what was expected and what came
 */
export async function runLab([name = "--help", ...args]: readonly string[]): Promise<void> {
  if (["--help", "-h", "help"].includes(name)) process.stdout.write(help());
  else await (await commandOf(name)).run(args);
}

async function commandOf(name: string) {
  if (Object.hasOwn(COMMANDS, name)) return COMMANDS[name]!.load();
  throw new EddiError("bad-argument", `expected one of ${Object.keys(COMMANDS).join(", ")}, got ${name}`);
}

function help(): string {
  const rows = Object.entries(COMMANDS).map(([name, { purpose }]) => `  ${name.padEnd(18)}${purpose}`);
  return `npm run lab -- COMMAND [options]; COMMAND --help says more\n\n${rows.join("\n")}\n`;
}
