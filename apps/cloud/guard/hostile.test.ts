import { afterAll, expect, test } from "vitest";
import { INFER, killServices, startService } from "../testing/child-fixture.ts";
import { attacksOn } from "./hostile-fixture.ts";
import { calibrate, delayOf, QUIET_MS } from "./loop-delay-fixture.ts";

/** A machine that is busy with other things holds everybody up: then it is tried again. */
const ROUNDS = 4;

afterAll(killServices);

test("nothing that anybody sends holds the event loop, and each is refused", async () => {
  const { url } = await startService("--log-level", "silent");
  const infer = () => fetch(`${url}${INFER.path}`, INFER);
  for (let good = 0; good < 50; good++) expect((await infer()).status).toBe(200);
  const tooLong: string[] = [];
  const answered: string[] = [];
  for (const attack of attacksOn(url)) {
    const { kind, delayMs, statuses } = await delayOf(url, attack, ROUNDS, QUIET_MS);
    if (delayMs > QUIET_MS) {
      const { limitMs } = calibrate();
      if (delayMs > limitMs) tooLong.push(`${kind}: ${delayMs.toFixed()} of ${limitMs.toFixed()} ms`);
    }
    if (statuses.some((status) => status >= 500 && status !== 503)) answered.push(`${kind}: ${statuses}`);
    expect([kind, (await infer()).status]).toEqual([kind, 200]);
  }
  expect([tooLong, answered]).toEqual([[], []]);
}, 1_200_000);
