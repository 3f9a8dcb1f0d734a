import { type Flow, least } from "./flow.ts";

/** Jobs of one kind of one connection. */
export interface Line<E> {
  readonly flow: Flow;
  readonly entries: E[];
}

/** Of one client: lines that have had a turn, and those that have not, by what they have had. */
interface Client<E> {
  readonly flow: Flow;
  readonly begun: Line<E>[];
  readonly others: Line<E>[];
}

/**
 * Connections whose jobs may run together: the client decides whose turn it is, and then the connection. Whoever has had
 * no turn yet is where he was, so that only the first of them has to be looked at.
 */
export class Candidates<E> {
  private readonly begun: Client<E>[];
  private readonly others: Client<E>[];

  constructor(lines: readonly Line<E>[]) {
    const clients = new Map<Flow, Line<E>[]>();
    for (const line of lines) {
      const client = line.flow.path.at(-1)!;
      const own = clients.get(client);
      if (own === undefined) clients.set(client, [line]);
      else own.push(line);
    }
    const all = [...clients].map(([flow, own]): Client<E> => ({ flow, ...parted(own) }));
    ({ begun: this.begun, others: this.others } = parted(all));
  }

  /**
   * @param had what somebody would have had by now
   * @returns whose turn it is; undefined when all have had theirs
   */
  next(had: (flow: Flow) => number): Line<E> | undefined {
    const client = first(this.begun, this.others, had);
    if (client === undefined) return undefined;
    const line = first(client.begun, client.others, had);
    if (line !== undefined) return line;
    this.begun.splice(this.begun.indexOf(client), 1);
    return this.next(had);
  }

  /** A line has no more jobs. */
  drop(line: Line<E>): void {
    for (const { begun } of this.begun) {
      const at = begun.indexOf(line);
      if (at >= 0) begun.splice(at, 1);
    }
  }
}

/** The one that had least; from now on it is one of those that have begun. */
function first<T extends { readonly flow: Flow }>(
  begun: T[],
  others: T[],
  had: (flow: Flow) => number,
): T | undefined {
  const best = least(begun, ({ flow }) => had(flow));
  const other = others.at(-1);
  if (other === undefined || (best !== undefined && had(best.flow) <= had(other.flow))) return best;
  begun.push(others.pop()!);
  return other;
}

/** Those that are part of the batch; and the others, the least at the end, of equals the one that has waited longest. */
function parted<T extends { readonly flow: Flow }>(items: readonly T[]): { begun: T[]; others: T[] } {
  const others = items.filter(({ flow }) => flow.planned === 0).reverse();
  others.sort((a, b) => b.flow.spentMs - a.flow.spentMs);
  return { begun: items.filter(({ flow }) => flow.planned > 0), others };
}
