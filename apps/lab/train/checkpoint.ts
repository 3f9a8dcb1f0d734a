import { open, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import { makeFolder } from "../files/make-folder.ts";
import type { Recipe } from "./architectures/recipe.ts";
import type { NamedValues } from "./weights.ts";

/** What an epoch gave. */
export interface EpochResult {
  /** From 0. */
  readonly epoch: number;
  /** Mean joint loss of its batches. */
  readonly loss: number;
  /** Top-1 of the averaged weights on the photos held back, 0..1, in the order of the exits; null if not measured. */
  readonly accuracy: readonly number[] | null;
}

export interface Checkpoint {
  readonly architecture: string;
  readonly recipe: Recipe;
  /** Names of the classes, in the order of the scores. */
  readonly labels: readonly string[];
  /** Photos in the training split: the order of the photos depends on it. */
  readonly photos: number;
  /** Epoch under way, from 0. */
  readonly epoch: number;
  /** Steps of that epoch already done. */
  readonly step: number;
  readonly history: readonly EpochResult[];
  /** Weights, then their averages and the optimiser's state; the best model's weights alone. */
  readonly tensors: readonly NamedValues[];
}

/** Where training stopped, and the model that did best on the photos held back. */
export type CheckpointKind = "last" | "best";

const MAGIC = "EDDICKPT";

/** The magic and the length of the JSON, uint32 little-endian; then the JSON, then float32 values. */
const PREFIX_BYTES = MAGIC.length + 4;

/**
 * Writes beside the last checkpoint, then renames: a kill at any moment leaves a whole one.
 *
 * @throws EddiError `unavailable` when it cannot be written (disk full); the one before it is left whole
 */
export async function saveCheckpoint(
  folder: string,
  checkpoint: Checkpoint,
  kind: CheckpointKind = "last",
): Promise<void> {
  await saveTensors(path.join(folder, `${kind}.ckpt`), checkpoint);
}

/** What a checkpoint holds, whatever else it tells. */
interface WithTensors {
  readonly tensors: readonly NamedValues[];
}

/** The same for any facts that JSON holds. */
export async function saveTensors<Facts extends WithTensors>(
  name: string,
  { tensors, ...rest }: Facts,
): Promise<void> {
  const header = JSON.stringify({ ...rest, tensors: tensors.map(({ name, shape }) => ({ name, shape })) });
  // Padded to float32's alignment.
  const json = Buffer.from(header + " ".repeat(-Buffer.byteLength(header) & 3));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.write(MAGIC);
  prefix.writeUInt32LE(json.byteLength, MAGIC.length);
  try {
    await makeFolder(path.dirname(name));
    await writeBeside(name, [prefix, json, ...tensors.map(({ values }) => bytesOf(values))]);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new EddiError("unavailable", `${name}: the checkpoint cannot be written (${reason})`, { cause });
  }
}

async function writeBeside(name: string, parts: readonly Uint8Array[]): Promise<void> {
  const partFile = `${name}.part`;
  const file = await open(partFile, "w");
  try {
    // Not `writev`, which may write a part only and says so by a number.
    for (const part of parts) await file.writeFile(part);
    await file.sync();
    await file.close();
    await rename(partFile, name);
  } catch (error) {
    await file.close();
    await rm(partFile, { force: true });
    throw error;
  }
}

/**
 * @returns null where the folder holds no checkpoint
 * @throws EddiError `bad-weights` when the file is not a whole checkpoint
 */
export async function loadCheckpoint(
  folder: string,
  kind: CheckpointKind = "last",
): Promise<Checkpoint | null> {
  return loadTensors<Checkpoint>(path.join(folder, `${kind}.ckpt`));
}

/**
 * What `saveTensors` wrote.
 *
 * @returns null where there is no such file
 * @throws EddiError as `loadCheckpoint`
 */
export async function loadTensors<Facts extends WithTensors>(name: string): Promise<Facts | null> {
  const file = await readFile(name).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw new EddiError("bad-weights", `${name}: the checkpoint cannot be read`, { cause: error });
  });
  if (!file) return null;
  try {
    return parseTensors<Facts>(file);
  } catch (cause) {
    throw new EddiError("bad-weights", `${name}: expected a whole checkpoint, got a damaged file`, { cause });
  }
}

function parseTensors<Facts extends WithTensors>(file: Buffer): Facts {
  if (file.toString("latin1", 0, MAGIC.length) !== MAGIC) throw new Error("wrong first bytes");
  let offset = PREFIX_BYTES + file.readUInt32LE(MAGIC.length);
  const header = JSON.parse(file.toString("utf8", PREFIX_BYTES, offset)) as Facts;
  const tensors = header.tensors.map(({ name, shape }) => {
    const bytes = 4 * shape.reduce((product, side) => product * side, 1);
    if (offset + bytes > file.byteLength) throw new Error(`ends within ${name}`);
    const copy = file.buffer.slice(file.byteOffset + offset, file.byteOffset + offset + bytes);
    offset += bytes;
    return { name, shape, values: new Float32Array(copy as ArrayBuffer) };
  });
  if (offset !== file.byteLength) throw new Error("has bytes left over");
  return { ...header, tensors };
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
