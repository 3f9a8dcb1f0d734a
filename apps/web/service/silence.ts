/**
 * Calls back when nothing has been heard for so long, counted from now on at the earliest.
 *
 * @param heardMs when something was heard last, by `performance.now()`
 * @returns ends it
 */
export function afterSilence(heardMs: () => number, silenceMs: number, then: () => void): () => void {
  const startMs = performance.now();
  let timer: ReturnType<typeof setTimeout>;
  const look = (): void => {
    const leftMs = Math.max(startMs, heardMs()) + silenceMs - performance.now();
    if (leftMs > 0) timer = setTimeout(look, leftMs);
    else then();
  };
  look();
  return () => clearTimeout(timer);
}
