import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

// For tests only: a mount as that of a file server that is gone. Whoever looks into it waits until it is removed.

export interface DeadMount {
  /** Lets all who wait go on, with an error. */
  remove(): Promise<void>;
}

/**
 * A file system in user space whose server never answers. It is ours: so it hangs for sure, and ends with us.
 *
 * @throws where we may not mount
 */
export async function mountDead(dir: string): Promise<DeadMount> {
  await mkdir(dir, { recursive: true });
  const server = openSync("/dev/fuse", "r+");
  const options = "fd=3,rootmode=40000,user_id=0,group_id=0,allow_other";
  const stdio: ("ignore" | "pipe" | number)[] = ["ignore", "pipe", "pipe", server];
  const { status, stderr } = spawnSync("mount", ["-i", "-t", "fuse", "-o", options, "dead", dir], { stdio });
  if (status !== 0) {
    closeSync(server);
    throw new Error(`expected to mount, got: ${stderr}`);
  }
  return {
    remove: async () => {
      spawnSync("umount", ["--lazy", dir]);
      closeSync(server);
    },
  };
}

/** Whether it can be had here: on Linux, by root outside of most containers. */
export async function canMountDead(): Promise<boolean> {
  const dir = await mkdtemp(join(tmpdir(), "eddi-dead-"));
  try {
    await (await mountDead(join(dir, "mount"))).remove();
    return true;
  } catch {
    return false;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
