import { EddiError } from "#shared/errors";
import { fetchFile } from "../../service/fetch-file.ts";
import { joined, type Progress } from "../../service/receive.ts";
import type { Service } from "../../service/service.ts";

/** So long a piece may be on the wire, as all that comes after it has to wait: an image's reply at worst. */
const PIECE_MS = 500;
/** Smaller pieces cost more round trips than they are worth. */
const LEAST_BYTES = 16 << 10;
/** A piece that takes so much longer is on a link that has become slow. */
const OVERDUE_MS = 3 * PIECE_MS;

/** A file on its way. */
interface Begun {
  readonly chunks: Uint8Array[];
  bytes: number;
}

/**
 * Downloads of large files that stay out of the way. On a slow link a file comes in pieces, each asked for when
 * nobody else needs the link; what has arrived is kept when one breaks off. On a fast link, and from the browser's
 * cache, it comes as a whole.
 */
export class Downloads {
  private readonly service: Service;
  /** By address: files that broke off. */
  private readonly begun = new Map<string, Begun>();
  /** Some proxies know no ranges. */
  private hasRanges = true;

  constructor(service: Service) {
    this.service = service;
  }

  /**
   * A file of so many bytes, or what there is of it when it is shorter.
   *
   * @param fresh goes past every cache
   * @param onArrived told how many bytes are there
   * @throws EddiError as `fetchBytes`
   */
  async fetch(
    url: string,
    size: number,
    fresh: boolean,
    onArrived: (bytes: number) => void = () => {},
  ): Promise<Uint8Array> {
    const file = (fresh ? null : this.begun.get(url)) ?? { chunks: [], bytes: 0 };
    this.begun.set(url, file);
    while (file.bytes < size) {
      const end = file.bytes + this.pieceBytes(size - file.bytes);
      const isAll = await this.piece(url, file, end, end === size, fresh, onArrived);
      if (isAll && file.bytes < end) break;
    }
    this.begun.delete(url);
    return joined(file.chunks);
  }

  /** Goes on with a file as far as `end`. @returns whether all that the service has came, or it was broken off */
  private async piece(
    url: string,
    file: Begun,
    end: number,
    isLast: boolean,
    fresh: boolean,
    onArrived: (bytes: number) => void,
  ): Promise<boolean> {
    const from = file.bytes;
    const isWhole = from === 0 && isLast;
    const { service } = this;
    const { traffic } = service;
    let isBrokenOff = false;
    const take = (chunk: Uint8Array, { bytes, ms }: Progress, { status }: Response): boolean => {
      // What knows no ranges sends the file from its beginning.
      if (bytes === chunk.length && status !== 206) clear(file);
      file.chunks.push(chunk);
      file.bytes += chunk.length;
      onArrived(file.bytes);
      const leftMs = (end - file.bytes) / (bytes / Math.max(ms, 1));
      const isLate = ms > OVERDUE_MS || (ms > PIECE_MS && traffic.isHeld);
      isBrokenOff = this.hasRanges && isLate && end - file.bytes > LEAST_BYTES && leftMs > PIECE_MS;
      return isBrokenOff;
    };
    const headers = isWhole ? {} : { range: `bytes=${from}-${end - 1}` };
    const init: RequestInit = { headers, ...(fresh ? { cache: "reload" } : {}) };
    const { response } = await fetchFile(service, url, { init, take });
    const { status } = response;
    if (!isWhole && status !== 206) this.hasRanges = false;
    if (status === 416) {
      if (isWhole) throw new EddiError("unavailable", `${url}: expected the file, got HTTP 416`);
      clear(file);
      return false;
    }
    return !isBrokenOff;
  }

  private pieceBytes(left: number): number {
    if (!this.hasRanges) return left;
    const bytes = Math.max(LEAST_BYTES, Math.round(this.service.traffic.bytesPerMs * PIECE_MS));
    return left <= bytes + LEAST_BYTES ? left : bytes;
  }
}

function clear(file: Begun): void {
  file.chunks.length = 0;
  file.bytes = 0;
}
