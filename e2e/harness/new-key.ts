import { execFileSync } from "node:child_process";
import { builtFile } from "../../apps/cloud/testing/built.ts";

export interface NewKey {
  readonly key: string;
  /** Of the service's file of keys. */
  readonly line: string;
}

/** A key as the service makes it for an owner. Asked for in a hook: files are also loaded to see which tests they have. */
export function newKey(owner: string): NewKey {
  const made = execFileSync(process.execPath, [builtFile("main"), "--new-key", owner], { encoding: "utf8" });
  const [, key, line] = /: (eddi_\S+)\n.*: (\S+:\S+)\n/.exec(made) ?? [];
  if (key === undefined || line === undefined) throw new Error(`expected a key and its line, got ${made}`);
  return { key, line };
}
