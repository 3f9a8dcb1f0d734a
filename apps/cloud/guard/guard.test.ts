import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance, HTTPMethods, InjectOptions } from "fastify";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { encodeRequest, HEADER_LENGTH } from "#shared/protocol";
import type { CloudConfig } from "../options/config.ts";
import { buildServer, type CloudServer } from "../server.ts";
import { imageBytes, request, testConfig } from "../testing/fixture.ts";
import { newKey } from "./keys.ts";

const ADA = newKey("ada");
const BOB = newKey("bob");
/** Every route of the app, as it was declared. */
const routes: { readonly method: HTTPMethods; readonly url: string }[] = [];

let dir: string;
let keysFile: string;
let server: CloudServer;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "eddi-guard-"));
  keysFile = join(dir, "keys");
  await writeFile(keysFile, `${ADA.line}\n${BOB.line}\n`);
  await writeFile(join(dir, "index.html"), "<!doctype html><title>EDDI</title>");
  const note = (message: unknown) => {
    (message as { fastify: FastifyInstance }).fastify.addHook("onRoute", ({ method, url }) => {
      for (const each of [method].flat()) routes.push({ method: each as HTTPMethods, url });
    });
  };
  subscribe("fastify.initialization", note);
  server = await buildServer(testConfig({ keysFile, webDir: dir }));
  unsubscribe("fastify.initialization", note);
  await server.ready;
});
afterAll(async () => {
  await server.close(0);
  await rm(dir, { recursive: true, force: true });
});

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const ask = (options: InjectOptions) => server.app.inject(options);

describe("with keys", () => {
  const PUBLIC =
    /^(\/v2\/health\/(live|ready)|\/docs.*|\/samples\/(index\.json|photos\/\*|models\/:id\/:name)|\/\*)$/;
  const real = (url: string) =>
    url
      .replace(/:(model|id)/, "tiny")
      .replace(":name", "photo.jpg")
      .replace(/:version/, "0123456789abcdef")
      .replace("*", "tiny/model.json");

  test("every route but health and the page needs one", async () => {
    const seen: string[] = [];
    for (const { method, url } of routes) {
      const wrong = { method, url: real(url) };
      for (const headers of [{}, bearer("wrong"), { "x-api-key": `${ADA.key}x` }, bearer(ADA.line)]) {
        const { statusCode } = await ask({ ...wrong, headers });
        expect({ method, url, needsKey: statusCode === 401 }).toEqual({
          method,
          url,
          needsKey: !PUBLIC.test(url),
        });
      }
      for (const headers of [bearer(ADA.key), { "x-api-key": BOB.key }]) {
        expect((await ask({ ...wrong, headers })).statusCode, `${method} ${url}`).not.toBe(401);
      }
      seen.push(`${method} ${url}`);
    }
    // The walk did see the app.
    expect(seen).toEqual(
      expect.arrayContaining([
        "GET /metrics",
        "GET /v2",
        "HEAD /v2",
        "POST /v2/models/:model/infer",
        "POST /v2/models/:model/versions/:version/infer",
        "GET /models/*",
        "GET /*",
      ]),
    );
  });

  test.each([
    "//v2/models/tiny",
    "/v2//models/tiny",
    "/v2/models/tiny/",
    "/V2/models/tiny",
    "/%762/models/tiny",
    "/v2%2fmodels%2ftiny",
    "/./v2/models/tiny",
    "/v2/health/live/../../models/tiny",
    "/v2/health/live%2f..%2f..%2fmodels%2ftiny",
    "/v2/models/tiny?/v2/health/live",
    "/v2/models/tiny#/v2/health/live",
    "/v2/models/tiny;/v2/health/live",
    "//models/tiny/model.json",
    "/%6dodels/tiny/model.json",
    "/assets/../models/tiny/model.json",
    "/assets/..%2fmodels/tiny/model.json",
    "/samples/photos/..%2f..%2fmodels/tiny/model.json",
    "/samples/models/tiny/..%2fmodel.json",
    "/metrics/",
    "//metrics",
    "/%6detrics",
  ])("%s leads nowhere without a key", async (url) => {
    const { statusCode, body } = await ask({ url });
    expect([400, 401, 403, 404]).toContain(statusCode);
    expect(body).not.toMatch(/exit1|wasm|eddi_requests/);
  });

  test("a refusal tells how, and nothing of what there is", async () => {
    const paths = ["/v2/models/tiny/infer", "/v2/models/none/infer", "/v2/nothing", "/nothing"];
    const answers = await Promise.all(
      paths.flatMap((url) =>
        [{}, bearer("wrong")].map(async (headers) => {
          const { statusCode, headers: came, body } = await ask({ method: "POST", url, headers });
          return JSON.stringify([statusCode, came["www-authenticate"], came["cache-control"], body]);
        }),
      ),
    );
    const error = "expected a key, as authorization: Bearer KEY or x-api-key: KEY";
    const refusal = [401, 'Bearer realm="eddi"', "no-store", JSON.stringify({ error })];
    expect(new Set(answers)).toEqual(new Set([JSON.stringify(refusal)]));
  });

  test("health, page and samples are there without one, and a wrong one does no harm", async () => {
    for (const url of ["/", "/v2/health/live", "/v2/health/ready", "/samples/index.json"]) {
      expect((await ask({ url })).statusCode).toBe(200);
      expect((await ask({ url, headers: bearer("wrong") })).statusCode).toBe(200);
    }
  });
});

describe("with a rate", () => {
  const build = async (change: Partial<CloudConfig>) => {
    const limited = await buildServer(testConfig({ rate: { perSecond: 1, burst: 3 }, ...change }));
    const statuses = async (count: number, options: InjectOptions) => {
      const all = [];
      for (let at = 0; at < count; at++) all.push((await limited.app.inject(options)).statusCode);
      return all;
    };
    return { ...limited, statuses };
  };

  test("a client that sends too many is told when to come back; others are not held up", async () => {
    const limited = await build({});
    const from = (remoteAddress: string, url = "/v2") => ({ url, remoteAddress });
    expect(await limited.statuses(5, from("192.0.2.1"))).toEqual([200, 200, 200, 429, 429]);
    const { statusCode, headers, body } = await limited.app.inject(from("192.0.2.1", "/v2/nothing"));
    expect([statusCode, headers["retry-after"]]).toEqual([429, "1"]);
    expect(JSON.parse(body)).toEqual({ error: "expected at most 1 requests a second, got more" });
    expect(await limited.statuses(1, from("192.0.2.2"))).toEqual([200]);
    // Load balancers ask often, and must not be told otherwise.
    expect(await limited.statuses(9, from("192.0.2.1", "/v2/health/live"))).toEqual(Array(9).fill(200));
    await limited.close(0);
  });

  test("a key counts, not the address; without a right one the address does", async () => {
    const limited = await build({ keysFile });
    const as = (key: string, remoteAddress: string) => ({ url: "/v2", headers: bearer(key), remoteAddress });
    expect(await limited.statuses(2, as(ADA.key, "192.0.2.1"))).toEqual([200, 200]);
    expect(await limited.statuses(2, as(ADA.key, "192.0.2.2"))).toEqual([200, 429]);
    expect(await limited.statuses(1, as(BOB.key, "192.0.2.1"))).toEqual([200]);
    const guesses = await limited.statuses(4, as("guess", "192.0.2.3"));
    expect(guesses).toEqual([401, 401, 401, 429]);
    await limited.close(0);
  });

  test("a tail counts for what it takes: who sends much has to wait, whoever sends little has not", async () => {
    const limited = await build({ rate: { perSecond: 0.001, burst: 2 } });
    await limited.ready;
    const infer = async (remoteAddress: string, images: number) => {
      const data = imageBytes(1, images * 3072);
      const { body, jsonBytes } = encodeRequest(
        request([{ name: "image", datatype: "UINT8", shape: [images, 32, 32, 3], data }]),
      );
      const headers = { [HEADER_LENGTH]: String(jsonBytes) };
      const sent = { method: "POST", url: "/v2/models/tiny/infer", headers, remoteAddress } as const;
      return limited.app.inject({ ...sent, payload: Buffer.from(body) });
    };
    // Ten times, so that its time is known, from elsewhere each.
    for (let at = 0; at < 10; at++) expect((await infer(`198.51.100.${at}`, 32)).statusCode).toBe(200);
    expect((await infer("192.0.2.1", 32)).statusCode).toBe(200);
    const refused = await infer("192.0.2.1", 1);
    expect(refused.statusCode).toBe(429);
    expect(refused.json()).toEqual({ error: "expected at most 0.001 ms of work a second, got more" });
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(1000);
    // What is refused costs a request and no work.
    const bad = await infer("192.0.2.2", 33);
    expect([bad.statusCode, (await infer("192.0.2.2", 1)).statusCode]).toEqual([400, 200]);
    await limited.close(0);
  });

  test("x-forwarded-for is believed of as many proxies as there are, and of no client", async () => {
    const via = (forwarded: string) => ({ url: "/v2", headers: { "x-forwarded-for": forwarded } });
    const direct = await build({});
    for (const [at, status] of [200, 200, 200, 429].entries()) {
      expect(await direct.statuses(1, via(`192.0.2.${at}`))).toEqual([status]);
    }
    await direct.close(0);
    const behind = await build({ trustedProxies: 1 });
    // What a client writes there itself stands further left.
    for (const [at, status] of [200, 200, 200, 429].entries()) {
      expect(await behind.statuses(1, via(`10.0.0.${at}, 192.0.2.1`))).toEqual([status]);
    }
    expect(await behind.statuses(1, via("192.0.2.2"))).toEqual([200]);
    await behind.close(0);
  });

  test("a clock that jumps, forth or back, gives nothing and takes nothing", async () => {
    const limited = await build({ rate: { perSecond: 0.001, burst: 2 } });
    const now = Date.now();
    const clock = vi.spyOn(Date, "now");
    const statuses: number[] = [];
    for (const jump of [0, 1e12, -1e12, 1e12, 0]) {
      clock.mockReturnValue(now + jump);
      statuses.push(...(await limited.statuses(1, { url: "/v2" })));
    }
    clock.mockRestore();
    expect(statuses).toEqual([200, 200, 429, 429, 429]);
    await limited.close(0);
  });
});
