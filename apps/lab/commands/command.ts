import { parseArgs } from "node:util";
import { EddiError } from "#shared/errors";
import { makeStatusLine } from "../terminal/status-line.ts";
import type { CommandSpec, Options, ValuesOf } from "./command-spec.ts";
import { helpText } from "./help.ts";

/** A command of the lab, as its table calls it. */
export interface Command {
  readonly name: string;
  readonly help: string;
  /**
   * @param args what stands behind its name
   * @throws EddiError `bad-argument` for what it does not know, or values that are none, saying what was expected and
   *   what came; else whatever the command throws
   */
  run(args: readonly string[]): Promise<void>;
}

/** Makes a command of what is its own: help, reading of options and refusals are all commands'. */
export function command<O extends Options, A = undefined>(spec: CommandSpec<O, A>): Command {
  const help = helpText(spec);
  return {
    name: spec.name,
    help,
    run: async (args) => {
      const { texts, others, rest, isHelp } = split(args, spec);
      if (isHelp) {
        process.stdout.write(help);
        return;
      }
      // What was given first: it is told what is wrong with that before what is missing.
      const names = new Set([...texts.keys(), ...Object.keys(spec.options)]);
      const values = [...names].map((name) => {
        const option = spec.options[name]!;
        return [name, option.read(texts.get(name) ?? option.fallback, `--${name}`)];
      });
      const status = makeStatusLine(process.stderr, () => performance.now());
      const argument = readArgument(spec, others) as A;
      await spec.run({ argument, options: Object.fromEntries(values) as ValuesOf<O>, rest, status });
    },
  };
}

interface Split {
  /** By option; of one without a value an empty text. */
  readonly texts: ReadonlyMap<string, string>;
  readonly others: readonly string[];
  readonly rest: readonly string[];
  readonly isHelp: boolean;
}

/** @throws EddiError `bad-argument` for an option that there is not, or a value too many or missing */
function split(
  args: readonly string[],
  { options, rest: restHelp }: { readonly options: Options; readonly rest?: string },
): Split {
  const known = Object.entries(options).map(([name, { value }]) => {
    return [name, { type: value === null ? "boolean" : "string" } as const] as const;
  });
  // Not strict: what is wrong is told in our own words, and a value may begin with a minus.
  const { tokens } = parseArgs({
    args: args.map((arg, at) => (isBare(arg, args[at + 1], options) ? `${arg}=` : arg)),
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: { ...Object.fromEntries(known), help: { type: "boolean", short: "h" } },
  });
  const isHelp = tokens.some((token) => token.kind === "option" && token.name === "help");
  if (isHelp) return { texts: new Map(), others: [], rest: [], isHelp };
  const end = tokens.find(({ kind }) => kind === "option-terminator")?.index ?? args.length;
  // Without a place of its own it is told as what there is too much.
  const hasRest = restHelp !== undefined;
  const texts = new Map<string, string>();
  const rest: string[] = [];
  const others: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") (hasRest && token.index > end ? rest : others).push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value, inlineValue } = token;
    if (!Object.hasOwn(options, name) || !rawName.startsWith("--")) {
      const names = [...Object.keys(options), "help"].map((one) => `--${one}`);
      throw new EddiError("bad-argument", `expected one of ${names.join(", ")}, got ${rawName}`);
    }
    const wanted = options[name]!.value;
    if (wanted === null && value !== undefined) refuse(rawName, "no value", value);
    if (wanted !== null && (value === undefined || (!inlineValue && isOption(value, options)))) {
      refuse(rawName, wanted, value ?? "none");
    }
    texts.set(name, value ?? "");
  }
  return { texts, others, rest, isHelp };
}

/** Whether it is an option that may go without its value, and does. */
function isBare(arg: string, next: string | undefined, options: Options): boolean {
  const name = arg.slice(2);
  if (!arg.startsWith("--") || !Object.hasOwn(options, name) || options[name]!.bare === undefined)
    return false;
  return next === undefined || isOption(next, options);
}

/** Whether it stands where a value should. */
function isOption(text: string, options: Options): boolean {
  const [, name] = /^--([^=]+)/.exec(text) ?? [];
  return name !== undefined && (Object.hasOwn(options, name) || name === "help");
}

function readArgument<O extends Options, A>(
  { name, argument }: CommandSpec<O, A>,
  [text, ...others]: readonly string[],
): A | undefined {
  const came = [text, ...others].join(" ");
  if (argument === undefined) {
    if (text !== undefined)
      throw new EddiError("bad-argument", `expected options of lab ${name}, got ${came}`);
    return undefined;
  }
  const { isPair = false } = argument;
  if (others.length > (isPair ? 1 : 0) || (isPair && others.length === 0 && text !== undefined)) {
    const expected = isPair ? argument.name : `one ${argument.name}`;
    throw new EddiError("bad-argument", `expected ${expected}, got ${came}`);
  }
  if (text !== undefined) return argument.read(text, others[0] ?? "");
  if (argument.ifNone !== undefined) return argument.ifNone();
  const help = `lab ${name} --help says more`;
  throw new EddiError("bad-argument", `expected ${argument.name}, got none; ${help}`);
}

function refuse(option: string, expected: string, came: string): never {
  throw new EddiError("bad-argument", `${option}: expected ${expected}, got ${came}`);
}
