import { attacksOn } from "../guard/hostile-fixture.ts";
import { calibrate, type Delay, delayOf, QUIET_MS } from "../guard/loop-delay-fixture.ts";
import { startService } from "./service.ts";
import type { SiegeOptions } from "./siege.ts";

const ROUNDS = 5;
const WARM_UP = 20;

/** How long each of what is hostile holds the service's event loop, beside what this machine takes for a piece of work. */
export async function attack({ engine, cores, say }: SiegeOptions): Promise<object> {
  const service = await startService(engine, 1, cores);
  try {
    for (let good = 0; good < WARM_UP; good++) await fetch(`${service.url}/v2/models/tiny`);
    const calibration = calibrate();
    const delays: Delay[] = [];
    for (const one of attacksOn(service.url)) {
      say(one.kind);
      delays.push(await delayOf(service.url, one, ROUNDS, 0));
    }
    const longest = delays.reduce((most, one) => (one.delayMs > most.delayMs ? one : most));
    return {
      quietLimitMs: QUIET_MS,
      calibration,
      longest: { kind: longest.kind, delayMs: longest.delayMs },
      delays: Object.fromEntries(delays.map(({ kind, delayMs }) => [kind, Math.round(10 * delayMs) / 10])),
    };
  } finally {
    await service.stop();
  }
}
