import { EddiError } from "#shared/errors";

/** Beyond this nobody reads on. */
const MOST_LINES = 40;

/** Collects all that speaks against importing a model, to say it at once. */
export class Reasons {
  private readonly lines: string[] = [];

  /** @param what names the part of the model: a node with its operation, the input */
  add(what: string, why: string): void {
    const line = `${what}: ${why}`;
    if (!this.lines.includes(line)) this.lines.push(line);
  }

  get isEmpty(): boolean {
    return this.lines.length === 0;
  }

  /** @throws EddiError `bad-model` with every reason, if there is one */
  check(model: string): void {
    if (this.isEmpty) return;
    const shown = this.lines.slice(0, MOST_LINES).map((line) => `\n  ${line}`);
    const rest = this.lines.length - shown.length;
    const more = rest === 0 ? "" : `\n  and ${rest} more`;
    throw new EddiError("bad-model", `${model} cannot be imported:${shown.join("")}${more}`);
  }
}
