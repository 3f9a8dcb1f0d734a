/** How many of each size something needs at once. */
export type Needs = ReadonlyMap<number, number>;

/**
 * Buffers for what is computed between a run's inputs and outputs. Runs follow each other on a device's queue, so all
 * recordings share them: of each size there are as many as the recording that needs most.
 */
export class Arena<B> {
  private readonly make: (size: number) => B;
  private readonly destroy: (buffer: B) => void;
  private readonly buffers = new Map<number, B[]>();
  private total = 0;

  constructor(make: (size: number) => B, destroy: (buffer: B) => void) {
    this.make = make;
    this.destroy = destroy;
  }

  /** Of all its buffers. */
  get bytes(): number {
    return this.total;
  }

  /** Begins a recording, whose buffers are apart from each other until it gives them back. */
  open(): Lease<B> {
    const free = new Map<number, B[]>();
    const sizes = new Map<B, number>();
    const needs = new Map<number, number>();
    return {
      needs,
      has: (buffer) => sizes.has(buffer),
      take: (size) => {
        const back = free.get(size)?.pop();
        if (back !== undefined) return back;
        const taken = needs.get(size) ?? 0;
        needs.set(size, taken + 1);
        const buffer = this.at(size, taken);
        sizes.set(buffer, size);
        return buffer;
      },
      giveBack: (buffer) => {
        const size = sizes.get(buffer)!;
        free.set(size, [...(free.get(size) ?? []), buffer]);
      },
    };
  }

  /** Destroys what none of these recordings needs. */
  shrinkTo(recordings: readonly Needs[]): void {
    for (const [size, list] of this.buffers) {
      const most = Math.max(0, ...recordings.map((needs) => needs.get(size) ?? 0));
      for (const buffer of list.splice(most)) {
        this.destroy(buffer);
        this.total -= size;
      }
    }
  }

  /** Forgets one that somebody keeps. */
  abandon(buffer: B): void {
    for (const [size, list] of this.buffers) {
      const place = list.indexOf(buffer);
      if (place < 0) continue;
      list.splice(place, 1);
      this.total -= size;
    }
  }

  private at(size: number, place: number): B {
    const list = this.buffers.get(size) ?? [];
    this.buffers.set(size, list);
    if (place === list.length) {
      list.push(this.make(size));
      this.total += size;
    }
    return list[place]!;
  }
}

/** One recording's buffers of an arena. */
export interface Lease<B> {
  readonly needs: Needs;
  /** Whether it has taken this one, given back or not. */
  has(buffer: B): boolean;
  take(size: number): B;
  /** For its later steps. */
  giveBack(buffer: B): void;
}
