import { dropExit } from "../drop-exit/drop-exit.ts";
import { command } from "./command.ts";
import { required, text } from "./option.ts";
import { modelArgument } from "./shared-options.ts";

export const dropExitCommand = command({
  name: "drop-exit",
  about: `Takes an exit out of a model, with the nodes, weights and times that only it needed: one that is no better than
the one before it, as lab evaluate tells. What stays stays bit by bit. The model becomes another version, whose policies,
codecs and verdicts are to be measured anew.`,
  argument: modelArgument,
  options: { exit: required(text("ID", "which")) },
  run: async ({ argument: { folder, name }, options: { exit } }) => {
    const { nodes, bytes, model } = await dropExit(folder, exit);
    const left = model.metadata.exits.map(({ id }) => id).join(", ");
    process.stdout.write(
      `${exit} dropped, ${nodes} nodes and ${(bytes / 1000).toFixed(1)} kB with it; left: ${left}. ` +
        `Now: lab evaluate ${name} --write, then calibrate, evaluate --codecs and evaluate --verdicts\n`,
    );
  },
});
