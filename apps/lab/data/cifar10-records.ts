import { readFile } from "node:fs/promises";
import { EddiError } from "#shared/errors";
import { CIFAR10_LABELS, CIFAR10_SIZE } from "./cifar10.ts";
import type { Photos } from "./photos.ts";

const PLANE = CIFAR10_SIZE * CIFAR10_SIZE;
const IMAGE_BYTES = 3 * PLANE;

/** A label, then the red, green and blue plane, each uint8 [32, 32]. */
export const RECORD_BYTES = 1 + IMAGE_BYTES;

/**
 * Reads batches of CIFAR-10's binary version: records without a header, in random order
 * (https://www.cs.toronto.edu/~kriz/cifar.html).
 *
 * @param files batches of one split, all of one length
 * @returns the images class by class, as photos from folders come, within a class in the order of the records
 * @throws EddiError `bad-argument` naming a batch of a wrong length or with a label above 9
 */
export async function readRecords(files: readonly string[]): Promise<Photos> {
  const batches: Buffer[] = [];
  for (const file of files) batches.push(checked(file, await read(file), batches[0]));
  const records = batches.flatMap((batch, which) =>
    Array.from({ length: batch.length / RECORD_BYTES }, (_, at) => {
      const bytes = batch.subarray(at * RECORD_BYTES, (at + 1) * RECORD_BYTES);
      const label = bytes[0]!;
      if (label < CIFAR10_LABELS.length) return { label, planes: bytes.subarray(1) };
      throw new EddiError("bad-argument", `${files[which]}: expected labels 0..9, record ${at} has ${label}`);
    }),
  );
  records.sort((a, b) => a.label - b.label);
  const pixels = new Uint8Array(records.length * IMAGE_BYTES);
  for (const [photo, { planes }] of records.entries()) {
    const first = photo * IMAGE_BYTES;
    for (let at = 0; at < PLANE; at++) {
      pixels[first + 3 * at] = planes[at]!;
      pixels[first + 3 * at + 1] = planes[PLANE + at]!;
      pixels[first + 3 * at + 2] = planes[2 * PLANE + at]!;
    }
  }
  const labels = Uint8Array.from(records, ({ label }) => label);
  return { count: records.length, size: CIFAR10_SIZE, pixels, labels };
}

async function read(file: string): Promise<Buffer> {
  return readFile(file).catch((cause: Error) => {
    throw new EddiError("bad-argument", `${file}: expected a readable batch, got ${cause.message}`, {
      cause,
    });
  });
}

function checked(file: string, batch: Buffer, first: Buffer | undefined): Buffer {
  const whole = batch.length > 0 && batch.length % RECORD_BYTES === 0;
  if (whole && batch.length === (first ?? batch).length) return batch;
  const expected =
    first === undefined ? `a multiple of ${RECORD_BYTES}` : `${first.length} as in the first batch`;
  throw new EddiError("bad-argument", `${file}: expected ${expected} bytes, got ${batch.length}`);
}
