import { EddiError } from "#shared/errors";
import type { Segment } from "#shared/model";

/** How many are kept. */
const MAX_NAMES = 512;

/**
 * Segments by name, kept alike on both sides of a worker: a segment names all of its nodes, and to copy them with
 * each request would take longer than everything else in the message.
 */
export class SegmentNames {
  private readonly known = new Map<string, Segment>();

  /** @returns what the other side must be told: null when it knows the name */
  tell(name: string, segment: Segment): Segment | null {
    if (this.known.has(name)) return null;
    this.keep(name, segment);
    return segment;
  }

  /** @param told as `tell` returned it, of every message in its order */
  hear(name: string, told: Segment | null): Segment {
    if (told !== null) this.keep(name, told);
    const segment = this.known.get(name);
    if (segment === undefined) throw new EddiError("internal", `${name}: expected to be told this segment`);
    return segment;
  }

  private keep(name: string, segment: Segment): void {
    if (this.known.size >= MAX_NAMES) this.known.clear();
    this.known.set(name, segment);
  }
}
