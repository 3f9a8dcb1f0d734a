import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { readModel, servedCodecs } from "#shared/model";
import { plainTails } from "#shared/profile";
import { Service } from "../service/service.ts";
import { fetchCatalogue } from "./catalogue.ts";

const model = readModel(readFileSync("models/tiny/model.json"));
const names = plainTails(model).map(({ name }) => name);
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server that answers each path with a status and a body, and everything else with 404. */
async function listen(answers: Readonly<Record<string, readonly [status: number, body?: unknown]>>) {
  const asked: string[] = [];
  const server = createServer(({ method, url = "", headers }, response) => {
    asked.push(`${method} ${url}${headers.authorization === undefined ? "" : ` ${headers.authorization}`}`);
    const [status, body = {}] = answers[url] ?? [404, { error: "no such model" }];
    response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { asked, service: new Service({ baseUrl: `http://127.0.0.1:${port}/`, key: "secret" }) };
}

const METADATA = [200, { name: "triton", version: "2", extensions: ["binary_tensor_data"] }] as const;
const index = (of: readonly string[], state = "READY") => of.map((name) => ({ name, version: "1", state }));

test("the index tells what there is: two requests, of which the key is a part", async () => {
  const list = [...index(names.slice(0, 3)), ...index(names.slice(3), "UNAVAILABLE"), ...index(["other"])];
  const { asked, service } = await listen({ "/v2": METADATA, "/v2/repository/index": [200, list] });
  const catalogue = await fetchCatalogue(service, model);
  const count = Object.values(catalogue.tails)
    .flatMap((cuts) => Object.values(cuts))
    .flat().length;
  expect([catalogue.isBinary, count]).toEqual([true, 3]);
  const [, exit, cut] = names[0]!.split("~") as [string, string, string];
  expect(servedCodecs(catalogue, exit, [cut])).toEqual(["float32", "uint8"]);
  expect(asked).toEqual(["GET /v2 Bearer secret", "POST /v2/repository/index Bearer secret"]);
});

test("without an index each tail is asked for, by its name as it comes", async () => {
  const name = names.find((one) => one.includes(":"))!;
  const other = names.find((one) => one.endsWith("~image"))!;
  const { service } = await listen({
    "/v2": [200, { name: "mlserver", version: "1", extensions: [] }],
    [`/v2/models/${name}/ready`]: [200, ""],
    [`/v2/models/${other}/ready`]: [200, { name: other, ready: false }],
  });
  const { tails, isBinary } = await fetchCatalogue(service, model);
  expect(isBinary).toBe(false);
  const [, exit, cut] = name.split("~") as [string, string, string];
  expect(tails).toEqual({ [exit]: { [cut.replaceAll(":", "/")]: ["float32"] } });
});

test("a server that has nothing of the model is told what is wanted", async () => {
  const { service } = await listen({ "/v2": METADATA, "/v2/repository/index": [200, index(["other"])] });
  const expected = `cloud: expected tails of tiny as lab export-onnx --repository writes them, such as ${names[0]}, got none`;
  await expect(fetchCatalogue(service, model)).rejects.toMatchObject({
    code: "not-found",
    message: expected,
  });
});

test.each([
  [{}, "not-found", "cloud, /v2: expected an Open Inference server, got HTTP 404"],
  [{ "/v2": [401] }, "unauthorized", "got HTTP 401"],
  [{ "/v2": [503] }, "unavailable", "got HTTP 503"],
  [{ "/v2": [200, { extensions: "all" }] }, "bad-frame", "expected an Open Inference server's metadata"],
  [{ "/v2": [200, "<!doctype html>"] }, "bad-frame", "expected an Open Inference server's metadata"],
] as const)("what is no such server is told: %j", async (answers, code, message) => {
  const { service } = await listen(answers);
  const error = { code, message: expect.stringContaining(message) };
  await expect(fetchCatalogue(service, model)).rejects.toMatchObject(error);
});

test("a server that is down is told", async () => {
  const { service } = await listen({});
  for (const close of closing.splice(0)) close();
  await expect(fetchCatalogue(service, model)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("cloud, /v2: expected an answer, got:"),
  });
});
