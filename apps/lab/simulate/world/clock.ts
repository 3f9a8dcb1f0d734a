/** Something that is to happen. */
interface Due {
  readonly atMs: number;
  /** Of what is due at once, what was asked for first comes first. */
  readonly order: number;
  readonly happen: () => void;
}

/** Simulated time: what is due happens one after the other, and nothing else takes any time. */
export class Clock {
  private readonly heap: Due[] = [];
  private orders = 0;
  private nowMs = 0;

  /** Milliseconds since the simulation began. */
  get now(): number {
    return this.nowMs;
  }

  /** @param atMs not before now; what is, happens now */
  at(atMs: number, happen: () => void): void {
    const due = { atMs: Math.max(atMs, this.nowMs), order: this.orders++, happen };
    const { heap } = this;
    let place = heap.length;
    heap.push(due);
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (!isBefore(due, heap[above]!)) break;
      heap[place] = heap[above]!;
      place = above;
    }
    heap[place] = due;
  }

  /** Lets happen what is due, and what that asks for, until nothing is left. */
  run(): void {
    for (let next = this.pop(); next !== null; next = this.pop()) {
      this.nowMs = next.atMs;
      next.happen();
    }
  }

  private pop(): Due | null {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length === 0) return first;
    let place = 0;
    for (let child = 1; child < heap.length; child = 2 * place + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
    return first;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
