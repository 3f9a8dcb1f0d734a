import type { StatusLine } from "../terminal/status-line.ts";
import type { Argument, Option } from "./option.ts";

export type Options = Readonly<Record<string, Option<unknown>>>;

/** What its options are worth. */
export type ValuesOf<O extends Options> = {
  readonly [Name in keyof O]: O[Name] extends Option<infer T> ? T : never;
};

/** What a command is. */
export interface CommandSpec<O extends Options, A> {
  readonly name: string;
  /** How it is called, where that is not `npm run lab -- NAME`. */
  readonly call?: string;
  /** What it does, in a few lines. */
  readonly about: string;
  /** Its only argument that is no option. */
  readonly argument?: Argument<A>;
  readonly options: O;
  /** What stands behind `--` goes there, as help has it; without this nothing may. */
  readonly rest?: string;
  /** Behind the options in help. */
  readonly more?: string;
  readonly run: (given: Given<O, A>) => Promise<void>;
}

/** What a command was given, read and checked. */
export interface Given<O extends Options, A> {
  readonly argument: A;
  readonly options: ValuesOf<O>;
  /** Behind `--`. */
  readonly rest: readonly string[];
  /** On standard error: what goes on. */
  readonly status: StatusLine;
}
