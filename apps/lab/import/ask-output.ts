import { EddiError } from "#shared/errors";

/** What an exit gave for a photo, for the question what it is. */
export interface SeenScores {
  readonly image: string;
  readonly row: Float32Array;
}

/** Exits of which the user has to say what their scores are. */
export class AskedKinds {
  private readonly exits: string[] = [];

  /**
   * @param shape  without the batch axis
   * @param why    what is known of it
   * @param photos what it gave for some
   */
  add(name: string, shape: readonly number[], why: string, photos: readonly SeenScores[]): void {
    const rows = photos.map(({ image, row }) => `\n    ${image}: ${shown(row)}`);
    this.exits.push(`\n  ${name} [batch, ${shape.join(", ")}]: ${why}${rows.join("")}`);
  }

  /** @throws EddiError `bad-argument` when there are any */
  check(): void {
    if (this.exits.length === 0) return;
    throw new EddiError(
      "bad-argument",
      `--output: expected what the scores are, which is not certain here:${this.exits.join("")}\n${CHOICES}`,
    );
  }
}

const CHOICES = `  --output logits     of classes, one of which is right: a softmax makes probabilities of them
  --output softmax    probabilities of classes, one of which is right
  --output sigmoid    a probability for each label by itself
  --output embedding  a point where near means alike
  --output vector     numbers, such as coordinates, an age or a price`;

const SHOWN = 6;

function shown(row: Float32Array): string {
  const some = [...row.slice(0, SHOWN)].map((value) => Number(value.toPrecision(4))).join(", ");
  if (row.length === 1) return some;
  const [least, most] = [Math.min(...row), Math.max(...row)].map((value) => Number(value.toPrecision(4)));
  const sum = Number(row.reduce((a, b) => a + b, 0).toPrecision(4));
  const length = Number(Math.hypot(...row).toPrecision(4));
  const more = row.length > SHOWN ? ", …" : "";
  return `${some}${more} (from ${least} to ${most}; their sum is ${sum}, their length ${length})`;
}
