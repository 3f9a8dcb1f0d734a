import { EddiError } from "#shared/errors";
import { numberFrom, wholeNumber } from "../terminal/numbers.ts";

/** What `--NAME` of a command is: its part of the help, and how it is read. */
export interface Option<T> {
  /** Stands for its value in help, as `FILE`; null where it has none. */
  readonly value: string | null;
  /** What it does. The value that it has where it is not given follows, unless that says it. */
  readonly help: string;
  /** Read where it is not given. */
  readonly fallback?: string | undefined;
  /** Read where it is given without its value; without this it needs one. */
  readonly bare?: string;
  /**
   * @param text undefined where it is not given and there is no fallback; empty for one without a value
   * @param option its name, for refusals
   * @throws EddiError saying what was expected and what came
   */
  readonly read: (text: string | undefined, option: string) => T;
}

/** The argument of a command that is no option. */
export interface Argument<A> {
  /** Stands for it in help, as `MODEL`. */
  readonly name: string;
  /** For a line of its own in help. */
  readonly help?: string;
  /** It is two, one behind the other. */
  readonly isPair?: boolean;
  /** What it is where it is not given, if it need not be. */
  readonly ifNone?: () => A;
  /**
   * @param other the second of a pair, else empty
   * @throws EddiError saying what was expected and what came
   */
  readonly read: (text: string, other: string) => A;
}

/** The same, which need not be given. */
export function optional<A>(argument: Argument<A>): Argument<A | null> {
  return { ...argument, ifNone: () => null };
}

export function flag(help: string): Option<boolean> {
  return { value: null, help, read: (text) => text !== undefined };
}

/** Any text. */
export function text(value: string, help: string): Option<string | undefined>;
export function text(value: string, help: string, fallback: string): Option<string>;
export function text(value: string, help: string, fallback?: string): Option<string | undefined> {
  return { value, help, fallback, read: (given) => given };
}

/** Any text, which may be left away: then it is empty. */
export function textOrNone(value: string, help: string): Option<string | undefined> {
  return { value: `[${value}]`, help, bare: "", read: (given) => given };
}

/** Text that a reader of its own makes something of; undefined where it is not given. */
export function parsed<T>(
  value: string,
  help: string,
  read: (text: string, option: string) => T,
): Option<T | undefined>;
export function parsed<T>(
  value: string,
  help: string,
  read: (text: string, option: string) => T,
  fallback: string,
): Option<T>;
export function parsed<T>(
  value: string,
  help: string,
  read: (text: string, option: string) => T,
  fallback?: string,
): Option<T | undefined> {
  return {
    value,
    help,
    fallback,
    read: (given, option) => (given === undefined ? undefined : read(given, option)),
  };
}

/** The same, which has to be given. */
export function required<T>({ value, help, read }: Option<T | undefined>): Option<T> {
  return {
    value,
    help,
    read: (given, option) => {
      const found = read(given, option);
      if (found !== undefined) return found;
      throw new EddiError("bad-argument", `${option}: expected ${value}, got none`);
    },
  };
}

/** A whole number of `least` or more. */
export function whole(help: string, least: number): Option<number | undefined>;
export function whole(help: string, least: number, fallback: number): Option<number>;
export function whole(help: string, least: number, fallback?: number): Option<number | undefined> {
  const read = (given: string, option: string) => wholeNumber(option, given, least);
  return fallback === undefined ? parsed("N", help, read) : parsed("N", help, read, `${fallback}`);
}

/** A number from `least` to `most`. */
export function number(
  value: string,
  help: string,
  range: readonly [least: number, most: number],
): Option<number | undefined>;
export function number(
  value: string,
  help: string,
  range: readonly [least: number, most: number],
  fallback: number,
): Option<number>;
export function number(
  value: string,
  help: string,
  [least, most]: readonly [number, number],
  fallback?: number,
): Option<number | undefined> {
  const read = (given: string, option: string) => numberFrom(option, given, least, most);
  return fallback === undefined ? parsed(value, help, read) : parsed(value, help, read, `${fallback}`);
}

/** One of several names. */
export function oneOf<Name extends string>(
  value: string,
  names: readonly Name[],
  help: string,
  fallback: Name,
): Option<Name> {
  const read = (given: string, option: string): Name => {
    const found = names.find((one) => one === given);
    if (found !== undefined) return found;
    throw new EddiError("bad-argument", `${option}: expected one of ${names.join(", ")}, got ${given}`);
  };
  return parsed(value, help, read, fallback);
}
