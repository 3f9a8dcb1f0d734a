/** What changes many times a second while a page starts is shown no oftener than eyes can follow. */
const CALM_MS = 150;

/**
 * Hands on at most one value in `CALM_MS`, the latest: the first at once, later ones when their time has come. Whoever is
 * drawn by each of them keeps the main thread from fingers.
 */
export function calmly<T>(take: (value: T) => void): (value: T) => void {
  let dueMs = Number.NEGATIVE_INFINITY;
  let isWaiting = false;
  let latest: T;
  const hand = (): void => {
    isWaiting = false;
    dueMs = performance.now() + CALM_MS;
    take(latest);
  };
  return (value) => {
    latest = value;
    if (isWaiting) return;
    const waitMs = dueMs - performance.now();
    if (waitMs <= 0) return hand();
    isWaiting = true;
    setTimeout(hand, waitMs);
  };
}
