/** What is read at once where a reader goes from mark to mark, and where it looks at every byte. */
const STEP_BYTES = 4 << 10;
const SCAN_BYTES = 256 << 10;

/** The bytes of a file, read as far as somebody asks for them and no further. */
export class FileBytes {
  readonly size: number;
  private readonly file: Blob;
  private from = 0;
  private view = new DataView(new ArrayBuffer(0));

  constructor(file: Blob) {
    this.file = file;
    this.size = file.size;
  }

  /** So many bytes from a position on. @throws RangeError where the file has fewer */
  async at(position: number, length: number): Promise<DataView> {
    if (position + length > this.size) throw new RangeError(`the file ends before ${position + length}`);
    if (!this.holds(position, length)) await this.read(position, Math.max(length, STEP_BYTES));
    return new DataView(this.view.buffer, position - this.from, length);
  }

  /** What is at hand from a position on, two bytes at least where the file has them. */
  async window(position: number): Promise<Uint8Array> {
    const isThere = this.holds(position, Math.min(2, this.size - position));
    if (!isThere) await this.read(position, SCAN_BYTES);
    return new Uint8Array(this.view.buffer, position - this.from);
  }

  private holds(position: number, length: number): boolean {
    return position >= this.from && position + length <= this.from + this.view.byteLength;
  }

  private async read(position: number, length: number): Promise<void> {
    this.view = new DataView(await this.file.slice(position, position + length).arrayBuffer());
    this.from = position;
  }
}

/** Four bytes as text, as most formats name their parts. */
export function tagAt(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((offset) => view.getUint8(at + offset)));
}
