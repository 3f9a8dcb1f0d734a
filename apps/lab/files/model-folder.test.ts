import { cp, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../data/fixture.ts";
import { rewriteMetadata } from "./model-folder.ts";

test("metadata change, and nothing else of the model's file; what would be invalid is not written", async () => {
  const { folder, remove } = await temporaryFolder();
  try {
    const file = path.join(folder, "model.json");
    await cp("models/tiny/model.json", file);
    const before = JSON.parse(await readFile(file, "utf8"));
    await rewriteMetadata(folder, (metadata) => ({ ...metadata, id: "other" }));
    const after = JSON.parse(await readFile(file, "utf8"));
    expect(after.userDefinedMetadata.eddi.id).toBe("other");
    before.userDefinedMetadata.eddi.id = "other";
    expect(after).toEqual(before);
    const refused = rewriteMetadata(folder, (metadata) => ({ ...metadata, labels: [] }));
    await expect(refused).rejects.toMatchObject({ code: "bad-metadata" });
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual(before);
  } finally {
    await remove();
  }
});
