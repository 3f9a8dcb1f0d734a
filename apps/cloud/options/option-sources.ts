import { parseArgs } from "node:util";
import { parse } from "secure-json-parse";
import { EddiError } from "#shared/errors";

/** Where options are looked up. */
export interface OptionSources {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads the file that `--config` names. */
  readonly readFile: (path: string) => string;
}

/** An option as it stands. */
export interface Setting {
  readonly value: string;
  readonly from: "flag" | "environment" | "file" | "default";
}

/**
 * Finds every option: in the arguments (`--body-limit 1000`), else in the environment (`EDDI_BODY_LIMIT=1000`), else
 * in the file that `--config` names (`{"body-limit": 1000}`), else its default.
 *
 * @param defaults of all options, as text; `config` is one of them
 * @param flags    those that are set by being there (`--open`); elsewhere they are `on` or `off`, in a file also
 *   `true` or `false`
 * @returns null when help is asked for
 * @throws EddiError `bad-argument` for an option that there is not, naming the file if it stands in one
 */
export function findOptions<Name extends string>(
  defaults: Readonly<Record<Name, string>>,
  flags: readonly NoInfer<Name>[],
  { args, env, readFile }: OptionSources,
): Readonly<Record<Name, Setting>> | null {
  const names = Object.keys(defaults) as Name[];
  const given = readArgs(names, flags, args);
  if (given === null) return null;
  const path = given.config ?? env[envName("config")] ?? "";
  const file = path === "" ? {} : readConfigFile(path, names, readFile);
  const settings = names.map((name): [Name, Setting] => {
    const [flag, variable] = [given[name], env[envName(name)]];
    if (flag !== undefined) return [name, { value: flag, from: "flag" }];
    if (variable !== undefined) return [name, { value: variable, from: "environment" }];
    if (file[name] !== undefined) return [name, { value: file[name], from: "file" }];
    return [name, { value: defaults[name], from: "default" }];
  });
  return Object.fromEntries(settings) as Record<Name, Setting>;
}

/** The file that `--config` names; empty for none. @throws EddiError as `findOptions` */
export function findConfigFile(
  names: readonly string[],
  flags: readonly string[],
  { args, env }: Pick<OptionSources, "args" | "env">,
): string {
  const given = readArgs(names, flags, args);
  return given === null ? "" : (given.config ?? env[envName("config")] ?? "");
}

/** The settings for a log: of those that lead to secrets it tells only that they are set. */
export function hideSecrets(
  settings: Readonly<Record<string, Setting>>,
  secret: readonly string[],
): Readonly<Record<string, Setting>> {
  const shown = Object.entries(settings).map(([name, { value, from }]) => {
    return [name, { value: secret.includes(name) && value !== "" ? "(set)" : value, from }];
  });
  return Object.fromEntries(shown);
}

export function envName(option: string): string {
  return `EDDI_${option.replaceAll("-", "_").toUpperCase()}`;
}

type Texts = Readonly<Record<string, string | undefined>>;

function readArgs(names: readonly string[], flags: readonly string[], args: readonly string[]): Texts | null {
  const options = Object.fromEntries(
    names.map((name) => [name, { type: flags.includes(name) ? ("boolean" as const) : ("string" as const) }]),
  );
  try {
    const { values } = parseArgs({ args: [...args], options: { ...options, help: { type: "boolean" } } });
    if (values.help === true) return null;
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, value === true ? "on" : String(value)]),
    );
  } catch (cause) {
    throw new EddiError("bad-argument", `${(cause as Error).message}; --help lists the options`, { cause });
  }
}

function readConfigFile(
  path: string,
  names: readonly string[],
  readFile: (path: string) => string,
): Record<string, string> {
  const refuse = (message: string, cause?: unknown): never => {
    throw new EddiError("bad-argument", `--config ${path}: ${message}`, { cause });
  };
  const json = readJson(path, readFile, refuse);
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return refuse("expected an object of options");
  }
  const texts = Object.entries(json).map(([name, value]) => {
    // A file that named another one would leave open which of them goes first.
    if (!names.includes(name) || name === "config") return refuse(`expected options, got ${name}`);
    if (typeof value === "boolean") return [name, value ? "on" : "off"];
    if (typeof value === "string" || typeof value === "number") return [name, String(value)];
    return refuse(`${name}: expected a string, a number or true or false, got ${JSON.stringify(value)}`);
  });
  return Object.fromEntries(texts);
}

function readJson(
  path: string,
  readFile: (path: string) => string,
  refuse: (message: string, cause?: unknown) => never,
): unknown {
  let text: string;
  try {
    text = readFile(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const message = cause instanceof EddiError ? cause.message : `expected a readable file, got ${code}`;
    return refuse(message, cause);
  }
  try {
    return parse(text);
  } catch (cause) {
    return refuse(`expected JSON, got: ${(cause as Error).message}`, cause);
  }
}
