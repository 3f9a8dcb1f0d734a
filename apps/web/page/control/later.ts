import { effect, type ReadonlySignal, signal } from "@preact/signals";

/**
 * What is worked out of signals, a task after they have changed, once however many have: whoever changes them is done at
 * once, and what is more urgent is drawn before it.
 *
 * @param work reads the signals; while none has changed since it is not called again
 * @param first the value before `work` was called for the first time
 */
export function later<T>(work: () => T, first: T): ReadonlySignal<T> {
  const value = signal(first);
  const follow = (): void => {
    let isNew = true;
    // The second time it reads no signal, and so is over.
    effect(() => {
      if (isNew) value.value = work();
      else setTimeout(follow);
      isNew = false;
    });
  };
  setTimeout(follow);
  return value;
}
