import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModels } from "../models/registry.ts";
import { buildServer } from "../server.ts";
import { copyOfModels, testConfig } from "../testing/fixture.ts";
import { Folder } from "./folder.ts";
import { look } from "./look.ts";

let dir: string;
let folder: Folder;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "eddi-folder-"));
  const inside = join(dir, "inside");
  await mkdir(join(inside, "sub"), { recursive: true });
  await mkdir(join(dir, "inside-not"));
  await writeFile(join(dir, "secret"), "secret");
  await writeFile(join(dir, "inside-not", "secret"), "secret");
  await writeFile(join(inside, "sub", "plain"), "plain");
  await symlink("sub/plain", join(inside, "near"));
  await symlink(join(inside, "sub"), join(inside, "folder"));
  await symlink("../secret", join(inside, "out"));
  await symlink("../inside-not", join(inside, "like"));
  await symlink("/", join(inside, "root"));
  await symlink("loop", join(inside, "loop"));
  await symlink("nowhere", join(inside, "dangling"));
  await writeFile(join(inside, "huge"), "");
  await truncate(join(inside, "huge"), 2 ** 40);
  // Where it came through a link itself, it is its own.
  await symlink("inside", join(dir, "linked"));
  folder = new Folder(join(dir, "linked"));
});
afterAll(async () => {
  for (const close of closing) await close();
  await rm(dir, { recursive: true, force: true });
});

const read = async (path: string) => Buffer.from(await folder.read(path, 100)).toString();
const why = (path: string) => folder.read(path, 100).catch(({ code, message }) => `${code}: ${message}`);

test("regular files are read, through links that stay within too", async () => {
  for (const path of ["sub/plain", "near", "folder/plain", "sub/../sub/plain"])
    expect(await read(path)).toBe("plain");
  expect((await folder.read("near", 5, true)).buffer).toBeInstanceOf(SharedArrayBuffer);
});

test.each([
  ["out", "bad-model: expected links within the folder, got one that leaves it"],
  ["like/secret", "bad-model: expected links within the folder, got one that leaves it"],
  ["root/etc/hostname", "bad-model: expected links within the folder, got one that leaves it"],
  ["../secret", "bad-model: expected links within the folder, got one that leaves it"],
  ["sub/../../secret", "bad-model: expected links within the folder, got one that leaves it"],
  ["loop", "bad-model: expected readable files, got ELOOP"],
  ["sub", "bad-model: expected a regular file, got a folder"],
  ["huge", `bad-model: expected at most 100 bytes, got ${2 ** 40}`],
  ["dangling", "not-found: expected readable files, got ENOENT"],
  ["sub/plain/x", "not-found: expected readable files, got ENOTDIR"],
  ["nothing", "not-found: expected readable files, got ENOENT"],
])("%s is not", async (path, reason) => {
  expect(await why(path)).toBe(reason);
  if (path !== "huge") expect(await folder.hasFile(path, [])).toBe(false);
});

test.skipIf(process.platform === "win32")(
  "FIFOs and sockets are not, nor files that have them beside",
  async () => {
    execFileSync("mkfifo", [join(dir, "inside", "fifo"), join(dir, "inside", "near.br")]);
    const socket = createServer().listen(join(dir, "inside", "socket"));
    closing.push(() => socket.close());
    expect(await why("fifo")).toBe("bad-model: expected a regular file, got a FIFO");
    expect(await why("socket")).toBe("bad-model: expected a regular file, got a socket");
    expect(await folder.hasFile("near", [".gz"])).toBe(true);
    expect(await new Folder(folder.dir).hasFile("near", [".br", ".gz"])).toBe(false);
    const kinds = (await folder.list()).map(({ name, kind }) => `${name} ${kind}`);
    expect(kinds).toEqual(expect.arrayContaining(["fifo FIFO", "out link", "socket socket", "sub folder"]));
  },
);

test("links that leave the folder of the models are refused as models, and not served", async () => {
  const { dir: models, remove } = await copyOfModels(["tiny", "shard"]);
  closing.push(remove);
  await rm(join(models, "shard"), { recursive: true });
  const elsewhere = await copyOfModels(["whole"]);
  closing.push(elsewhere.remove);
  await symlink(join(elsewhere.dir, "whole"), join(models, "whole"));
  await symlink("tiny", join(models, "twin"));
  await writeFile(join(models, "tiny", "notes.txt"), "");
  await symlink(join(dir, "secret"), join(models, "tiny", "card.md.link"));
  const index = (await loadModels(models)).index();
  const left = expect.stringMatching(/links within the folder, got one that leaves it$/);
  expect(index).toContainEqual({ name: "whole", version: "", state: "UNAVAILABLE", reason: left });
  // It is there, but under another's name.
  expect(index).toContainEqual(
    expect.objectContaining({ name: "twin", reason: expect.stringMatching(/^id: /) }),
  );
  expect(index).toContainEqual(expect.objectContaining({ name: "tiny", state: "READY" }));
  const server = await buildServer(testConfig({ modelsDir: models }));
  closing.push(() => server.close(0));
  const status = async (path: string) => (await server.app.inject(`/models/${path}`)).statusCode;
  expect(await status("tiny/notes.txt")).toBe(200);
  expect([await status("tiny/card.md.link"), await status("whole/model.json")]).toEqual([404, 404]);
});

describe("looks", () => {
  const never = () => new Promise<never>(() => {});
  const late = "expected the file system to answer within 50 ms, it did not";

  test("that do not come back are given up; the same is not tried again, others are; at last all are refused", async () => {
    const ask = (name: string, run: () => Promise<unknown> = never) =>
      look(name, run, 50).catch(({ message }: Error) => message);
    let comeBack = (): void => {};
    const one = ask("a", () => new Promise<void>((resolve) => (comeBack = resolve)));
    const behind = [ask("b", async () => 1), ask("b", async () => 2), ask("c", async () => 3)];
    expect(await one).toBe(late);
    expect(await Promise.all(behind)).toEqual([1, 2, 3]);
    expect(await ask("a", async () => 1)).toBe(late);
    const waits = ask("b");
    const refused = ask("c", async () => 4);
    expect(await waits).toBe(late);
    expect(await refused).toBe("expected the file system to answer, 2 looks at it hang already");
    comeBack();
    await expect.poll(() => ask("a", async () => 5)).toBe(5);
  });

  test("that go on step by step are not given up", async () => {
    const steps = look(
      "steps",
      async (alive) => {
        for (let step = 0; step < 10; step++) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          alive();
        }
        return "done";
      },
      150,
    );
    expect(await steps).toBe("done");
  });
});
