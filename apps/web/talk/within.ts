import { EddiError, toEddiError } from "#shared/errors";

/** The work's result, or a `timeout` error when it takes longer: something that hangs must not hang us. */
export function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new EddiError("timeout", `${what}: no answer within ${ms} ms`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** The work's result, or the signal's reason as an EddiError as soon as that aborts: nobody waits for the rest. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  work.catch(() => {}); // Nobody may be left to hear of it.
  if (signal.aborted) throw toEddiError(signal.reason, "cancelled");
  let give: (() => void) | undefined;
  const given = new Promise<never>((_, reject) => {
    give = () => reject(toEddiError(signal.reason, "cancelled"));
    signal.addEventListener("abort", give, { once: true });
  });
  try {
    return await Promise.race([work, given]);
  } finally {
    signal.removeEventListener("abort", give!);
  }
}
