import type { ExitVerdicts, ModelVerdicts } from "../verdicts/verdicts.ts";
import type { World } from "../world/world.ts";

/** What every exit says of every photo, as recorded. */
export class Truth {
  private readonly exits: ReadonlyMap<string, ExitVerdicts & { readonly accuracy: number }>;

  constructor({ exits, photos }: ModelVerdicts) {
    this.exits = new Map(
      exits.map((exit) => [exit.exit, { ...exit, accuracy: exit.right.filter(Boolean).length / photos }]),
    );
  }

  confidence(exit: string, photo: number): number {
    return this.exits.get(exit)!.confidence[photo]!;
  }

  /**
   * Whether an exit's answer is right; what its cut's codecs spoil is drawn.
   *
   * @param loss share of all photos that the codecs cost the exit
   */
  isRight(world: World, exit: string, photo: number, loss: number): boolean {
    const { right, accuracy } = this.exits.get(exit)!;
    return right[photo]! && !(loss > 0 && world.isSpoilt(photo, loss, accuracy));
  }
}
