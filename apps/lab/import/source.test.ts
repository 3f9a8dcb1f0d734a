import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../data/fixture.ts";
import { writeFiles } from "./fixture.ts";
import { openSource } from "./source.ts";

const MODEL = '{"format":"graph-model"}';
const served: Record<string, string | Buffer> = {
  "/good/model.json": MODEL,
  "/good/a.bin": Buffer.from([1, 2, 3, 4]),
  "/good/LICENSE": "MIT",
  "/page/model.json": MODEL,
  "/page/LICENSE": "<!DOCTYPE html><title>everything</title>",
};
const asked: string[] = [];
let server: Server;
let url: string;
let scratch: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  scratch = await temporaryFolder();
  server = createServer(({ url: target = "" }, response) => {
    asked.push(target);
    const { pathname } = new URL(target, "http://host");
    if (pathname === "/silent/model.json") return void response.writeHead(200).write("{");
    if (pathname === "/broken/model.json") {
      response.writeHead(200, { "content-length": 1000 }).write("{");
      return void setImmediate(() => response.destroy());
    }
    const content = served[pathname];
    response
      .writeHead(content === undefined ? (pathname === "/down/model.json" ? 503 : 404) : 200)
      .end(content);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await scratch.remove();
});

test("a folder's address and that of its model.json are the same; a query goes along to every file", async () => {
  for (const place of [`${url}/good`, `${url}/good/`, `${url}/good/model.json?tfjs-format=file`]) {
    asked.length = 0;
    const progress: string[] = [];
    const source = await openSource(place, {
      onProgress: (file, bytes) => progress.push(`${file} ${bytes}`),
    });
    expect(source.origin).toBe(`${url}/good/model.json`);
    expect(new TextDecoder().decode(source.description)).toBe(MODEL);
    expect([...(await source.shard("a.bin", 4))]).toEqual([1, 2, 3, 4]);
    expect(new TextDecoder().decode((await source.license())!.bytes)).toBe("MIT");
    expect(progress).toContain("a.bin 4");
    const query = place.includes("?") ? "?tfjs-format=file" : "";
    expect(asked).toEqual(["model.json", "a.bin", "LICENSE"].map((name) => `/good/${name}${query}`));
  }
});

test.each([
  ["/none/model.json", "not-found", /none\/model\.json: expected the file, got HTTP 404/],
  ["/down/model.json", "unavailable", /expected the file, got HTTP 503/],
  ["/silent/model.json", "unavailable", /expected the file, got: nothing for 0\.2 s/],
  ["/broken/model.json", "unavailable", /expected the file, got: /],
])("%s is refused: %s", async (place, code, message) => {
  await expect(openSource(url + place, { silenceMs: 200 })).rejects.toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) }),
  );
});

test("a host that does not answer is said", async () => {
  const { port } = server.address() as AddressInfo;
  await expect(openSource(`http://127.0.0.1:${port === 9 ? 10 : 9}/m`)).rejects.toThrow(
    /model\.json: expected the file, got: /,
  );
});

test("weights are read up to what the manifest says, from below the model's folder, or refused", async () => {
  const folder = await writeFiles(path.join(scratch.folder, "m"), {
    "model.json": MODEL,
    "a.bin": new Uint8Array(9),
    "LICENSE.txt": "Apache",
  });
  for (const source of [await openSource(`${url}/good`), await openSource(folder)]) {
    await expect(source.shard("a.bin", 3)).rejects.toThrow(/a\.bin: expected at most 3 bytes, got (9|more)/);
    await expect(source.shard("b.bin", 3)).rejects.toThrow(expect.objectContaining({ code: "not-found" }));
    for (const bad of ["../a.bin", "/etc/passwd", "x/../../a", "http://other/a.bin", "a\\b", ""]) {
      await expect(async () => source.shard(bad, 3), bad).rejects.toThrow(
        /expected paths below the model's folder/,
      );
    }
  }
  expect((await (await openSource(folder)).license())?.name).toBe("LICENSE.txt");
  expect((await openSource(folder)).origin).toBe("m");
});

test("no licence is none, and a page is no licence", async () => {
  expect(await (await openSource(`${url}/page`)).license()).toBeNull();
  const folder = await writeFiles(path.join(scratch.folder, "bare"), { "model.json": MODEL });
  expect(await (await openSource(folder)).license()).toBeNull();
});

test("a place with nothing in it is said", async () => {
  const nowhere = path.join(scratch.folder, "nowhere");
  await expect(openSource(nowhere)).rejects.toThrow(
    `${nowhere}: expected a folder with model.json, got nothing`,
  );
  const empty = await writeFiles(path.join(scratch.folder, "empty"), {});
  await expect(openSource(empty)).rejects.toThrow(/model\.json: expected a file, got none/);
});
