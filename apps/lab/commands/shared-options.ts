import { writeFile } from "node:fs/promises";
import { EddiError } from "#shared/errors";
import type { DataSource } from "../data/find-data.ts";
import { DATA_HELP } from "../data/open-data.ts";
import { BACKEND_HELP, BACKENDS } from "../engine/backend.ts";
import { MODELS_FOLDER, modelFolder } from "../files/model-folder.ts";
import { type Argument, flag, type Option, oneOf, whole } from "./option.ts";

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

/** @throws EddiError `bad-argument` for a file that cannot be written */
export async function writeOut(file: string, text: string, option = "--out"): Promise<void> {
  await writeFile(file, text).catch((cause: Error) => {
    const came = `got ${file} (${cause.message})`;
    throw new EddiError("bad-argument", `${option}: expected a file that can be written, ${came}`, { cause });
  });
}
