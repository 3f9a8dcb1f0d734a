import { bad, checkFunction } from "./check.ts";

type AnyListener = (value: never) => void;

/** Who wants to hear of what. */
export class Listeners<Events extends object> {
  private readonly byName: ReadonlyMap<string, Set<AnyListener>>;

  /** @param names of all that can be heard of */
  constructor(names: readonly (keyof Events & string)[]) {
    this.byName = new Map(names.map((name) => [name, new Set()]));
  }

  /**
   * @returns ends it; to call it again does nothing
   * @throws EddiError `bad-argument` for what nobody ever tells
   */
  on<Name extends keyof Events & string>(name: Name, listener: (value: Events[Name]) => void): () => void {
    const listeners = this.byName.get(name);
    if (listeners === undefined) throw bad("event", `one of ${[...this.byName.keys()].join(", ")}`, name);
    checkFunction("listener", listener);
    // Its own, as the same one may be given twice.
    const own: AnyListener = (value) => listener(value);
    listeners.add(own);
    return () => void listeners.delete(own);
  }

  /** Tells everybody. What a listener throws is its own: it is reported, and the others hear of it all the same. */
  emit<Name extends keyof Events & string>(name: Name, value: Events[Name]): void {
    for (const listener of [...(this.byName.get(name) ?? [])]) {
      try {
        listener(value as never);
      } catch (thrown) {
        queueMicrotask(() => {
          throw thrown;
        });
      }
    }
  }

  /** Nobody hears of anything any more. */
  clear(): void {
    for (const listeners of this.byName.values()) listeners.clear();
  }
}
