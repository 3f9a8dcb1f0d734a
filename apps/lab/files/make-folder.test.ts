import { stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../data/fixture.ts";
import { makeFolder } from "./make-folder.ts";

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  scratch = await temporaryFolder();
});
afterAll(() => scratch.remove());

test("all that is missing is made, by as many as come at once, and what is there stays", async () => {
  const deep = path.join(scratch.folder, "a", "b", "c");
  await Promise.all([deep, path.dirname(deep), deep, deep].map(makeFolder));
  await makeFolder(deep);
  expect((await stat(deep)).isDirectory()).toBe(true);
});

test("what cannot be made ends with an error", async () => {
  const file = path.join(scratch.folder, "file");
  await writeFile(file, "");
  await expect(makeFolder(file)).rejects.toMatchObject({ code: "EEXIST" });
  await expect(makeFolder(path.join(file, "inside"))).rejects.toMatchObject({ code: "ENOTDIR" });
});

test.runIf(process.platform === "linux")("so it does in /proc, where Node's own never ends", async () => {
  await expect(makeFolder("/proc/eddi/inside")).rejects.toMatchObject({ code: "ENOENT" });
});
