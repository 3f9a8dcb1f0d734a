import type { CommandSpec, Options } from "./command-spec.ts";

/** Characters in a line. */
const WIDTH = 118;
/** Of what a line of options begins with, between these. */
const [LEAST_COLUMN, MOST_COLUMN] = [16, 24];

/** What `--help` prints: how it is called, what it does, its argument and options. */
export function helpText<O extends Options, A>(spec: CommandSpec<O, A>): string {
  const { name, call = `npm run lab -- ${name}`, about, argument, options, rest, more } = spec;
  const rows: [string, string][] = [];
  if (argument?.help !== undefined) rows.push([argument.name, argument.help]);
  for (const [option, { value, help, fallback }] of Object.entries(options)) {
    const usual =
      fallback === undefined || fallback === "" || help.includes("(default") ? "" : ` (default ${fallback})`;
    rows.push([value === null ? `--${option}` : `--${option} ${value}`, help + usual]);
  }
  rows.push(["--help", "print this"]);
  if (rest !== undefined) rows.push(["-- ...", rest]);
  const widest = Math.max(...rows.map(([begin]) => begin.length));
  const column = Math.min(MOST_COLUMN, Math.max(LEAST_COLUMN, widest + 2));
  const lines = rows.map(([begin, help]) => row(begin, help, column));
  const what =
    argument === undefined ? "" : ` ${argument.ifNone === undefined ? argument.name : `[${argument.name}]`}`;
  const parts = [`${call}${what} [options]`, wrapped(about, WIDTH).join("\n"), lines.join("\n"), more];
  return `${parts.filter((part) => part !== undefined).join("\n\n")}\n`;
}

function row(begin: string, help: string, column: number): string {
  const [first, ...others] = wrapped(help, WIDTH - column - 2);
  const head = `  ${begin.padEnd(column)}`;
  // What is too long for its column has a line of its own.
  const start =
    begin.length + 1 > column ? [`  ${begin}`, `  ${"".padEnd(column)}${first}`] : [`${head}${first}`];
  return [...start, ...others.map((line) => `  ${"".padEnd(column)}${line}`)].join("\n");
}

/** Lines of a text, none longer than a width where words allow; lines that it has stay apart. */
function wrapped(text: string, width: number): readonly string[] {
  return text.split("\n").flatMap((paragraph) => {
    const lines: string[] = [];
    for (const word of paragraph.split(" ")) {
      const last = lines.at(-1);
      if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
      else lines[lines.length - 1] = `${last} ${word}`;
    }
    return lines;
  });
}
