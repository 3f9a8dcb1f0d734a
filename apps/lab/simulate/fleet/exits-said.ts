import type { Random } from "#shared/random";
import type { ExitVerdicts, ModelVerdicts } from "../verdicts/verdicts.ts";

/** What exits were recorded to say of photos, looked up fast. */
export class ExitsSaid {
  private readonly photos: number;
  private readonly exits: ReadonlyMap<string, ExitVerdicts & { readonly accuracy: number }>;

  constructor({ photos, exits }: ModelVerdicts) {
    this.photos = photos;
    this.exits = new Map(
      exits.map((exit) => [exit.exit, { ...exit, accuracy: exit.right.filter(Boolean).length / photos }]),
    );
  }

  draw(random: Random): number {
    return Math.floor(random() * this.photos);
  }

  confidence(exit: string, photo: number): number {
    return this.exits.get(exit)!.confidence[photo]!;
  }

  /** @param loss share of all photos that codecs spoil for the exit, those whose luck is below */
  isRight(exit: string, photo: number, loss: number, luck: number): boolean {
    const { right, accuracy } = this.exits.get(exit)!;
    return right[photo]! && !(loss > 0 && luck < loss / accuracy);
  }
}
