import { type Drift, drifted, NO_DRIFT, witnessed } from "#shared/learning";
import { exitById, exitConfidence, hasClasses, type Model, topClass } from "#shared/model";
import type { ExitDrift } from "../../talk/edge.ts";

/** Scores of one exit for an image. */
interface Scored {
  readonly exit: string;
  readonly scores: Float32Array;
}

/** A picture that is asked about again says nothing new: so many are remembered. */
const RECENT = 64;

/**
 * What the exits on the edge are worth on the images that come: each answer of the cloud is a label for those that were
 * asked about the same image. Where one is right less often than its confidence says it is believed less, so that it
 * has to be surer to answer.
 */
export class DriftWatch {
  private readonly model: Model;
  private readonly onChange: (drift: readonly ExitDrift[]) => void;
  private readonly exits = new Map<string, Drift>();
  /** Pictures, by what exits said of them. */
  private recent: readonly string[] = [];

  /** @param onChange told of the exits that are believed less, after each label as long as there are any, and once more */
  constructor(model: Model, onChange: (drift: readonly ExitDrift[]) => void) {
    this.model = model;
    this.onChange = onChange;
  }

  /** How sure an exit is, calibrated and corrected: 0..1; NaN where nothing is right or wrong. */
  confidenceOf({ exit, scores }: Scored): number {
    return drifted(this.ownConfidence({ exit, scores }), this.exits.get(exit) ?? NO_DRIFT);
  }

  /**
   * @param asked of the same image, on the edge
   * @param reply the cloud's; a label for the exits before its own
   */
  label(asked: readonly Scored[], reply: Scored): void {
    const { exits } = this.model.metadata;
    if (!hasClasses(exitById(this.model.metadata, reply.exit))) return;
    const order = exits.map(({ id }) => id);
    const before = exits.slice(0, order.indexOf(reply.exit));
    const wereNoticed = this.noticed.length > 0;
    for (const exit of before) {
      const one = asked.find((scored) => scored.exit === exit.id);
      if (one === undefined || !hasClasses(exit)) continue;
      if (this.isKnown(`${exit.id} ${one.scores.join(" ")}`)) continue;
      const agrees = topClass(one.scores) === topClass(reply.scores);
      const drift = this.exits.get(exit.id) ?? NO_DRIFT;
      this.exits.set(exit.id, witnessed(drift, this.ownConfidence(one), agrees));
    }
    if (wereNoticed || this.noticed.length > 0) this.onChange(this.noticed);
  }

  private isKnown(said: string): boolean {
    if (this.recent.includes(said)) return true;
    this.recent = [...this.recent, said].slice(-RECENT);
    return false;
  }

  private get noticed(): readonly ExitDrift[] {
    return [...this.exits].flatMap(([exit, { shift, count, agreed, expected }]) =>
      shift > 0 ? [{ exit, shift, count, agreed, expected }] : [],
    );
  }

  private ownConfidence({ exit, scores }: Scored): number {
    return exitConfidence(scores, exitById(this.model.metadata, exit));
  }
}
