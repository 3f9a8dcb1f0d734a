import { EddiError } from "#shared/errors";
import { look } from "./look.ts";
import {
  checkRegularFile,
  type Entry,
  listFolder,
  type Place,
  readRegularFile,
  stampFolder,
} from "./regular-file.ts";

const FOUND_MS = 1_000;
const MOST_FOUND = 1_000;

/**
 * A folder that others fill. Only regular files of it are read, links that lead out of it are not followed, and every
 * look at it is bounded in time.
 *
 * All methods throw EddiError: `unavailable` when the file system does not answer; `not-found` for what is not there;
 * `bad-model` for what is no regular file, leaves the folder or cannot be read.
 */
export class Folder {
  readonly dir: string;
  /** When files were last found to be regular ones, on the clock of `performance.now()`. */
  private readonly found = new Map<string, number>();

  constructor(dir: string) {
    this.dir = dir;
  }

  /** What is in a folder below it, sorted by name. */
  list(path = "."): Promise<readonly Entry[]> {
    return this.look(path, (place) => listFolder(place));
  }

  /** Another text when anything in a folder below it changes. */
  stamp(path: string): Promise<string> {
    return this.look(path, (place) => stampFolder(place));
  }

  /**
   * All bytes of a file below it.
   *
   * @param most   bytes that it may have
   * @param shared whether they are wanted in shared memory
   */
  read(path: string, most: number, shared = false): Promise<Uint8Array> {
    return this.look(path, (place, alive) => readRegularFile(place, most, shared, alive));
  }

  /**
   * Whether there is a regular file below it, and those beside it, if any, whose names end with a suffix more are
   * regular too. Throws nothing but `unavailable`. What has just been looked at is not looked at again.
   */
  async hasFile(path: string, suffixes: readonly string[]): Promise<boolean> {
    if (performance.now() - (this.found.get(path) ?? Number.NEGATIVE_INFINITY) < FOUND_MS) return true;
    try {
      await this.look(path, (place) => checkRegularFile(place, suffixes));
      // A file has as many names as somebody cares to write dots and slashes.
      if (this.found.size >= MOST_FOUND) this.found.clear();
      this.found.set(path, performance.now());
      return true;
    } catch (thrown) {
      this.found.delete(path);
      if (thrown instanceof EddiError && thrown.code !== "unavailable") return false;
      throw thrown;
    }
  }

  private async look<T>(path: string, run: (place: Place, alive: () => void) => Promise<T>): Promise<T> {
    // Whoever hangs on one of a model's files, hangs on the others.
    const name = `${this.dir}/${path.split(/[\\/]/, 1)[0]}`;
    try {
      return await look(name, (alive) => run({ root: this.dir, path }, alive));
    } catch (thrown) {
      throw asEddiError(thrown);
    }
  }
}

function asEddiError(thrown: unknown): EddiError {
  if (thrown instanceof EddiError) return thrown;
  const { code } = thrown as NodeJS.ErrnoException;
  const isMissing = code === "ENOENT" || code === "ENOTDIR";
  const message = `expected readable files, got ${code}`;
  return new EddiError(isMissing ? "not-found" : "bad-model", message, { cause: thrown });
}
