import { accessSync, constants, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import type { DataSource } from "../data/find-data.ts";
import { DATA_HELP } from "../data/open-data.ts";
import { BACKEND_HELP, BACKENDS } from "../engine/backend.ts";
import { makeFolder } from "../files/make-folder.ts";
import { MODELS_FOLDER, modelFolder } from "../files/model-folder.ts";
import { type Argument, flag, type Option, oneOf, parsed, whole } from "./option.ts";

/** A model as it is called, and its folder, which may hold none. */
export interface ModelPlace {
  readonly name: string;
  readonly folder: string;
}

export const modelArgument: Argument<ModelPlace> = {
  name: "MODEL",
  help: `a folder under ${MODELS_FOLDER}/, or a path`,
  read: (name) => ({ name, folder: modelFolder(name) }),
};

export const dataOption: Option<DataSource> = {
  value: "PATH",
  help: DATA_HELP,
  read: (text) => ({ dataOption: text, env: process.env }),
};

export const backendOption: Option<string> = oneOf("NAME", BACKENDS, BACKEND_HELP, "auto");

export const jsonOption: Option<boolean> = flag("print JSON");

export const seedOption = (of: string): Option<number> => whole(of, 0, 1);

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 1)}\n`);
}

/** A file to write with {@link writeOut}. One that cannot be written is refused before anything is computed for it. */
export function outOption(help: string): Option<string | undefined> {
  return parsed("FILE", help, (file, option) => {
    try {
      accessSync(path.dirname(path.resolve(file)), constants.W_OK);
      const there = statSync(file, { throwIfNoEntry: false });
      if (there?.isDirectory()) throw new Error("a folder");
      if (there !== undefined) accessSync(file, constants.W_OK);
    } catch (cause) {
      throw notWritable(option, file, cause as Error);
    }
    return file;
  });
}

/** @throws EddiError `bad-argument` for a file that cannot be written */
export async function writeOut(file: string, text: string, option = "--out"): Promise<void> {
  await writeFile(file, text).catch((cause: Error) => {
    throw notWritable(option, file, cause);
  });
}

/**
 * Makes a folder to write into, before anything is computed for it.
 *
 * @throws EddiError `bad-argument` for one that cannot be written into
 */
export async function makeOutFolder(folder: string, option = "--out"): Promise<void> {
  try {
    await makeFolder(folder);
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    const came = `got ${folder} (${(cause as Error).message})`;
    throw new EddiError("bad-argument", `${option}: expected a folder that can be written, ${came}`, {
      cause,
    });
  }
}

function notWritable(option: string, file: string, cause: Error): EddiError {
  const came = `got ${file} (${cause.message})`;
  return new EddiError("bad-argument", `${option}: expected a file that can be written, ${came}`, { cause });
}
