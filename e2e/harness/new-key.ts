import { execFileSync } from "node:child_process";
import { ROOT } from "../../apps/lab/rig/service.ts";

/** A key as the service makes it for an owner, and the line of its file of keys. */
export function newKey(owner: string): { readonly key: string; readonly line: string } {
  const args = ["--import", "tsx", "apps/cloud/main.ts", "--new-key", owner];
  const made = execFileSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
  const [, key, line] = /: (eddi_\S+)\n.*: (\S+:\S+)\n/.exec(made) ?? [];
  if (key === undefined || line === undefined) throw new Error(`expected a key and its line, got ${made}`);
  return { key, line };
}
