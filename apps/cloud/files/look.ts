import { EddiError } from "#shared/errors";
import { Shed } from "../tails/executor.ts";

/** A look without a sign of life for so long is given up: where a file system answers, it takes milliseconds. */
const LOOK_LIMIT_MS = 5_000;

/** Threads of Node's pool, as libuv counts them; half of them are for looks, so that looks alone cannot stop it. */
const POOL = Math.max(2, Number(process.env.UV_THREADPOOL_SIZE) || 4);
const SLOTS = Math.floor(POOL / 2);

/** What is looked at now. One that hangs stays, perhaps for ever. */
const underWay = new Map<symbol, { readonly name: string; hangs: EddiError | null }>();
const waiting: (() => void)[] = [];

/**
 * Looks at files that somebody else keeps. A system call on a dead mount does not return, whatever we do, and holds a
 * thread of Node's pool, of which there are four: when all hang, nothing is read or inflated any more. So only some look
 * at a time, each is given up after a while, and what hangs is not looked at again before it has come back.
 *
 * @param name of what may hang as a whole
 * @param run  calls back when it has come further
 * @throws EddiError `unavailable` when the file system does not answer; what `run` throws
 */
export async function look<T>(
  name: string,
  run: (alive: () => void) => Promise<T>,
  limitMs = LOOK_LIMIT_MS,
): Promise<T> {
  while (underWay.size >= SLOTS) {
    throwIfHung(name);
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
  throwIfHung(name);
  const id = Symbol(name);
  const one: { readonly name: string; hangs: EddiError | null } = { name, hangs: null };
  underWay.set(id, one);
  let giveUp: (why: EddiError) => void = () => {};
  const given = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  const limit = setTimeout(() => {
    const message = `expected the file system to answer within ${limitMs} ms, it did not`;
    one.hangs = new EddiError("unavailable", message, { cause: new Shed("files", limitMs) });
    // Those that wait behind it may have to be told the same.
    for (const next of waiting.splice(0)) next();
    giveUp(one.hangs);
  }, limitMs);
  const running = run(() => limit.refresh());
  running
    .catch(() => {})
    .finally(() => {
      clearTimeout(limit);
      underWay.delete(id);
      waiting.shift()?.();
    });
  return Promise.race([running, given]);
}

/** @throws EddiError where this hangs already, or everything does */
function throwIfHung(name: string): void {
  const all = [...underWay.values()];
  const same = all.find((one) => one.name === name && one.hangs !== null);
  if (same?.hangs) throw same.hangs;
  if (all.filter(({ hangs }) => hangs !== null).length < SLOTS) return;
  const message = `expected the file system to answer, ${SLOTS} looks at it hang already`;
  throw new EddiError("unavailable", message, { cause: new Shed("files", LOOK_LIMIT_MS) });
}
