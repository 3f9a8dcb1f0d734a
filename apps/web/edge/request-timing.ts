/** Where a request's time went, by the browser's own record; all on the clock of `performance.now()`. */
export interface RequestTiming {
  readonly requestStart: number;
  readonly responseStart: number;
  readonly responseEnd: number;
}

/** More records than requests that may be under way at once; the browser stops at 250 and says nothing. */
const KEPT_RECORDS = 100;

/**
 * The browser's record of a request that has ended. It may come a moment after the body.
 *
 * @param url       absolute
 * @param startedAt just before `fetch` was called: tells requests to one URL apart
 * @returns null when there is none, or it withholds the times
 */
export async function requestTiming(url: string, startedAt: number): Promise<RequestTiming | null> {
  // The record's clock may be coarser than ours.
  const after = startedAt - 0.2;
  for (let attempt = 0; attempt < 3; attempt++) {
    const records = performance.getEntriesByName(url, "resource") as PerformanceResourceTiming[];
    const record = records
      .filter(({ startTime }) => startTime >= after)
      .sort((a, b) => a.startTime - b.startTime)[0];
    if (record !== undefined) {
      if (performance.getEntriesByType("resource").length > KEPT_RECORDS) performance.clearResourceTimings();
      return record.requestStart > 0 && record.responseStart > 0 ? record : null;
    }
    await new Promise((done) => setTimeout(done, attempt));
  }
  return null;
}
