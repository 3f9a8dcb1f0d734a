import { EddiError } from "#shared/errors";
import { look } from "./look.ts";
import { readRegularFile } from "./regular-file.ts";

/** Of keys, certificates and options. */
const MOST_BYTES = 1 << 20;

/**
 * All of a small file that an option names. It may be a link to anywhere, as secrets of Kubernetes and Let's Encrypt's
 * certificates are.
 *
 * @throws EddiError `bad-argument`, saying what is wrong with it but not where it lies
 */
export async function readNamedFile(path: string): Promise<Buffer> {
  try {
    return Buffer.from(await look(path, (alive) => readRegularFile(path, MOST_BYTES, false, alive)));
  } catch (cause) {
    const message =
      cause instanceof EddiError
        ? cause.message
        : `expected a readable file, got ${(cause as NodeJS.ErrnoException).code}`;
    throw new EddiError("bad-argument", message, { cause });
  }
}
