import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { create } from "tar";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { makeStatusLine } from "../terminal/status-line.ts";
import { cifar10 } from "./cifar10.ts";
import { download } from "./download.ts";
import { notes, temporaryFolder, writeMiniImagenette } from "./fixture.ts";
import { countPhotos, getDataSet } from "./get-data-set.ts";
import { imagenette } from "./imagenette.ts";

/** What the server does next; the ranges it was asked for. */
let behaviour: { ranges: boolean; cutAfter: number | null; status: number | null };
let asked: (string | undefined)[];

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
let content: Buffer;
let md5: string;
let server: Server;
let url: string;
let next = 0;
const namesOf = async (file: string): Promise<string[]> =>
  (await readdir(scratch.folder)).filter((name) => name.startsWith(path.basename(file)));
const newFile = (): string => path.join(scratch.folder, `download-${next++}.tgz`);

beforeAll(async () => {
  scratch = await temporaryFolder();
  await writeMiniImagenette(path.join(scratch.folder, "imagenette2-160"), 1);
  const archive = path.join(scratch.folder, "source.tgz");
  await create({ gzip: true, file: archive, cwd: scratch.folder }, ["imagenette2-160"]);
  content = await readFile(archive);
  md5 = createHash("md5").update(content).digest("hex");
  server = createServer((request, response) => {
    const { range } = request.headers;
    asked.push(range);
    const start = behaviour.ranges ? Number(/bytes=(\d+)-/.exec(range ?? "")?.[1] ?? 0) : 0;
    if (behaviour.status !== null || start >= content.length) {
      response.writeHead(behaviour.status ?? 416).end();
      return;
    }
    const rest = content.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, { "content-length": rest.length });
    if (behaviour.cutAfter === null) response.end(rest);
    else {
      // Time for what was sent to arrive.
      response.write(rest.subarray(0, behaviour.cutAfter));
      setTimeout(() => response.destroy(), 200);
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/imagenette2-160.tgz`;
});
afterAll(async () => {
  server.close();
  await scratch.remove();
});
beforeEach(() => {
  behaviour = { ranges: true, cutAfter: null, status: null };
  asked = [];
});

test("a download that was cut goes on where it stopped", async () => {
  const file = newFile();
  behaviour.cutAfter = 1000;
  await expect(download({ url, file, md5 })).rejects.toMatchObject({ code: "unavailable" });
  expect(await namesOf(file)).toEqual([`${path.basename(file)}.part`]);
  behaviour.cutAfter = null;
  await download({ url, file, md5 });
  expect(asked).toEqual([undefined, "bytes=1000-"]);
  expect(Buffer.compare(await readFile(file), content)).toBe(0);
  expect(await namesOf(file)).toEqual([path.basename(file)]);
});

test("a file that came whole is not asked for again", async () => {
  const file = newFile();
  await writeFile(file, content);
  await download({ url, file, md5 });
  expect(asked).toEqual([]);
});

test("a place that cannot be written is an error that names it", async () => {
  const inTheWay = newFile();
  await writeFile(inTheWay, "a file");
  const file = path.join(inTheWay, "archive.tgz");
  await expect(download({ url, file, md5 })).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining(file),
  });
});

test.skipIf(!existsSync("/dev/full"))(
  "a full disk is told, and nothing stands under the file's name",
  async () => {
    const file = newFile();
    await symlink("/dev/full", `${file}.part`);
    await expect(download({ url, file, md5 })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("ENOSPC"),
    });
    expect(existsSync(file)).toBe(false);
  },
);

test("a server without ranges sends the file anew", async () => {
  const file = newFile();
  await writeFile(`${file}.part`, content.subarray(0, 500));
  behaviour.ranges = false;
  await download({ url, file, md5 });
  expect(Buffer.compare(await readFile(file), content)).toBe(0);
});

test("a part that is already whole is only checked", async () => {
  const file = newFile();
  await writeFile(`${file}.part`, content);
  await download({ url, file, md5 });
  expect(Buffer.compare(await readFile(file), content)).toBe(0);
});

test("a file with another hash is refused and removed", async () => {
  const file = newFile();
  const other = "0".repeat(32);
  const got = download({ url, file, md5: other });
  await expect(got).rejects.toMatchObject({ code: "unavailable", message: expect.stringContaining(md5) });
  expect(await namesOf(file)).toEqual([]);
});

test("a refusal and an absent server are told apart from each other", async () => {
  behaviour.status = 404;
  const refused = download({ url, file: newFile(), md5 });
  await expect(refused).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("404"),
  });
  const absent = download({ url: "http://127.0.0.1:1/x", file: newFile(), md5 });
  await expect(absent).rejects.toMatchObject({ code: "unavailable" });
});

test("a stopped download is cancelled", async () => {
  const stop = new AbortController();
  const onProgress = () => stop.abort();
  const got = download({ url, file: newFile(), md5, onProgress, signal: stop.signal });
  await expect(got).rejects.toMatchObject({ code: "cancelled" });
});

test("lab data downloads, unpacks and, run again, finds what is there", async () => {
  const dir = path.join(scratch.folder, "data");
  const lines: string[] = [];
  const status = makeStatusLine({ write: (text) => lines.push(text) }, () => 0);
  const job = { dir, set: { ...imagenette, source: { url, md5 } }, url, status };
  const got = await getDataSet(job);
  expect(got).toMatchObject({ id: "imagenette", folder: path.join(dir, "imagenette2-160") });
  expect([await countPhotos(got, "train"), await countPhotos(got, "validation")]).toEqual([10, 10]);
  expect(await readdir(dir)).toEqual(["imagenette2-160"]);
  expect(lines[0]).toMatch(/^downloading \[#*\.*] .* MB of/);
  expect(await getDataSet(job)).toEqual(got);
  expect(asked).toHaveLength(1);
});

test("an archive of another layout is refused", async () => {
  const dir = path.join(scratch.folder, "other");
  const job = { dir, set: { ...cifar10, source: { url, md5 } }, url, status: notes().status };
  await expect(getDataSet(job)).rejects.toMatchObject({
    code: "bad-argument",
    message: expect.stringContaining("cifar-10-batches-bin"),
  });
  // What was downloaded stays, whole and under its name.
  expect(await readdir(dir)).toEqual(["cifar-10-binary.tar.gz"]);
});
