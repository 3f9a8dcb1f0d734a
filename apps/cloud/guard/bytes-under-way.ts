import { EddiError } from "#shared/errors";
import { Shed } from "../tails/executor.ts";

/** What one body takes of the memory for all of them. */
export interface HeldBytes {
  /**
   * It takes so many bytes from now on.
   *
   * @throws EddiError `unavailable` where there are too many; then it holds none any more
   */
  set(bytes: number): void;
  /** It takes none any more: it has been handed on, or thrown away. */
  release(): void;
}

interface Holder {
  readonly client: string;
  readonly onTaken: (why: EddiError) => void;
  bytes: number;
}

/** Bodies end within this time, mostly. */
const RETRY_MS = 1_000;

/**
 * Bounds the bytes of all bodies that are being received, inflated and read, whichever way they come. What then waits for a
 * worker is bounded by its queue. Where there are too many, the client who has most of them loses its largest body: those
 * who send little are served beside those who fill the memory.
 */
export class BytesUnderWay {
  readonly most: number;
  private readonly holders = new Map<string, Set<Holder>>();
  private held = 0;

  /** @param most bytes at once */
  constructor(most: number) {
    this.most = most;
  }

  get bytes(): number {
    return this.held;
  }

  /**
   * @param client  the owner of a key, or an address
   * @param onTaken told when its bytes are needed for somebody else's body: it is to be given up
   */
  hold(client: string, onTaken: (why: EddiError) => void): HeldBytes {
    const holder: Holder = { client, onTaken, bytes: 0 };
    return {
      set: (bytes) => this.set(holder, bytes),
      release: () => this.release(holder),
    };
  }

  private set(holder: Holder, bytes: number): void {
    const more = bytes - holder.bytes;
    if (more > 0) this.makeRoom(holder, more);
    this.held += more;
    holder.bytes = bytes;
    const own = this.holders.get(holder.client) ?? new Set();
    own.add(holder);
    this.holders.set(holder.client, own);
  }

  private release(holder: Holder): void {
    this.held -= holder.bytes;
    holder.bytes = 0;
    const own = this.holders.get(holder.client);
    own?.delete(holder);
    if (own?.size === 0) this.holders.delete(holder.client);
  }

  private makeRoom(holder: Holder, more: number): void {
    while (this.held + more > this.most) {
      const ownBytes = this.bytesOf(holder.client) + more;
      const other = this.heaviest(ownBytes);
      if (other === null) {
        this.release(holder);
        throw fullError(this.most);
      }
      this.release(other);
      other.onTaken(fullError(this.most));
    }
  }

  private bytesOf(client: string): number {
    let sum = 0;
    for (const { bytes } of this.holders.get(client) ?? []) sum += bytes;
    return sum;
  }

  /** The largest body of the client who has most, if that is more than so many bytes. */
  private heaviest(than: number): Holder | null {
    let [most, client] = [than, ""];
    for (const one of this.holders.keys()) {
      const bytes = this.bytesOf(one);
      if (bytes > most) [most, client] = [bytes, one];
    }
    let largest: Holder | null = null;
    for (const one of this.holders.get(client) ?? []) {
      if (largest === null || one.bytes > largest.bytes) largest = one;
    }
    return largest;
  }
}

function fullError(most: number): EddiError {
  const message = `body: expected at most ${most} bytes of bodies under way at once, got more: try again`;
  return new EddiError("unavailable", message, { cause: new Shed("memory", RETRY_MS) });
}
