// Options of a script that hands the others on.
import { Refusal } from "./ensure.mjs";

/**
 * Options of this script; whatever else there is belongs to the program that it starts.
 *
 * @param {readonly string[]} args
 * @param {{ takesValue: readonly string[], alone: readonly string[], usage: string }} known
 * @returns {{ own: Record<string, string>, others: string[] }}
 * @throws Refusal for one that lacks its value
 */
export function readOptions(args, { takesValue, alone, usage }) {
  /** @type {Record<string, string>} */
  const own = {};
  const others = [];
  for (let at = 0; at < args.length; at++) {
    const [name = "", inline] = (args[at] ?? "").split(/=(.*)/s);
    if (alone.includes(name)) own[name] = "yes";
    else if (!takesValue.includes(name)) others.push(args[at] ?? "");
    else {
      const value = inline ?? args[++at];
      if (value === undefined) throw new Refusal(`${name}: expected a value\n\n${usage}`);
      own[name] = value;
    }
  }
  return { own, others };
}
