import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { EddiError } from "#shared/errors";
import { timingOf } from "./statistics.ts";

/** The last that runs on Node 20. npx fetches it: no test needs it, and it weighs 186 MB. */
const PACKAGE = "lighthouse@12";
const CATEGORIES = ["performance", "accessibility", "best-practices"] as const;

type Scores = Readonly<Record<(typeof CATEGORIES)[number], number>>;

/** What of Lighthouse's report is read. */
interface Report {
  readonly categories: Readonly<Record<string, { readonly score: number | null }>>;
  readonly audits: Readonly<Record<string, { readonly numericValue?: number }>>;
}

/**
 * Lighthouse's scores of a page on a phone as it has one, 0..100, medians of so many visits, and what keeps its main
 * thread, in milliseconds (total blocking time).
 *
 * @throws EddiError `unavailable` where it cannot be had, or cannot visit the page
 */
export async function lighthouse(
  url: string,
  visits: number,
): Promise<Scores & { readonly blockingMs: number }> {
  const folder = await mkdtemp(join(tmpdir(), "eddi-lighthouse-"));
  try {
    const reports: Report[] = [];
    for (let visit = 1; visit <= visits; visit++)
      reports.push(await visited(url, join(folder, "report.json")));
    const median = (of: (report: Report) => number): number => timingOf(reports.map(of)).median;
    const scores = CATEGORIES.map((name) => [
      name,
      median(({ categories }) => 100 * (categories[name]?.score ?? 0)),
    ]);
    const blockingMs = median(({ audits }) => audits["total-blocking-time"]?.numericValue ?? Number.NaN);
    return { ...(Object.fromEntries(scores) as Scores), blockingMs };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function visited(url: string, file: string): Promise<Report> {
  const options = ["--quiet", "--output=json", `--output-path=${file}`, "--form-factor=mobile"];
  const chromium = "--chrome-flags=--headless=new --no-sandbox";
  try {
    await promisify(execFile)("npx", ["--yes", PACKAGE, url, ...options, chromium]);
    return JSON.parse(await readFile(file, "utf8")) as Report;
  } catch (cause) {
    const [line = ""] = (cause as Error).message.split("\n").slice(1);
    throw new EddiError("unavailable", `${PACKAGE}: expected a report of ${url}, got: ${line}`, { cause });
  }
}
