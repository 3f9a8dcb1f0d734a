import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildServer, type CloudServer } from "../server.ts";
import { testConfig } from "../testing/fixture.ts";

const FRIEND = "https://a.example";

let server: CloudServer;
let friendly: CloudServer;
beforeAll(async () => {
  server = await buildServer(testConfig({ trustedProxies: 1 }));
  friendly = await buildServer(testConfig({ corsOrigins: [FRIEND, "https://b.example"] }));
  await Promise.all([server.ready, friendly.ready]);
});
afterAll(() => Promise.all([server.close(0), friendly.close(0)]));

const URLS = ["/v2", "/v2/health/live", "/metrics", "/models/tiny/model.json", "/nothing", "/%zz", "/"];

test.each(URLS)("%s carries all headers", async (url) => {
  const { headers } = await server.app.inject(url);
  expect(headers).toMatchObject({
    "content-security-policy": expect.stringMatching(/frame-ancestors 'none'/),
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-request-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  expect(headers).not.toHaveProperty("strict-transport-security");
  expect(headers).not.toHaveProperty("access-control-allow-origin");
  expect(headers).not.toHaveProperty("x-powered-by");
  expect(headers).not.toHaveProperty("server");
});

test("over TLS it says that TLS is wanted, but for localhost", async () => {
  const over = (host: string) =>
    server.app.inject({ url: "/v2", headers: { host, "x-forwarded-proto": "https" } });
  expect((await over("eddi.example")).headers["strict-transport-security"]).toMatch(/^max-age=\d+$/);
  expect((await over("localhost:8443")).headers).not.toHaveProperty("strict-transport-security");
});

test("no script may come from a string or a blob", async () => {
  const { headers } = await server.app.inject("/samples/index.json");
  const policy = String(headers["content-security-policy"]);
  const [, scripts] = /script-src ([^;]*)/.exec(policy) ?? [];
  expect(scripts).toBe("'self' 'wasm-unsafe-eval'");
});

test("a client's request id comes back", async () => {
  const headers = { "x-request-id": "trace-7" };
  expect((await server.app.inject({ url: "/v2/nothing", headers })).headers["x-request-id"]).toBe("trace-7");
});

describe("pages of other origins", () => {
  const preflight = (app: CloudServer["app"], origin: string) =>
    app.inject({
      method: "OPTIONS",
      url: "/v2/models/tiny/infer",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,inference-header-content-length,range",
      },
    });

  test("may call when they are listed, and read what they need", async () => {
    const { statusCode, headers } = await preflight(friendly.app, FRIEND);
    expect(statusCode).toBe(204);
    expect(headers["access-control-allow-origin"]).toBe(FRIEND);
    expect(headers["access-control-allow-headers"]).toMatch(/authorization/);
    expect(headers["access-control-allow-headers"]).toMatch(/inference-header-content-length/);
    // Weights come in pieces.
    expect(headers["access-control-allow-headers"]).toMatch(/\brange\b/);
    for (const url of ["/v2", "/v2/nothing"]) {
      const answer = await friendly.app.inject({ url, headers: { origin: FRIEND } });
      expect(answer.headers).toMatchObject({
        "access-control-allow-origin": FRIEND,
        "access-control-expose-headers":
          "content-encoding, inference-header-content-length, retry-after, server-timing, x-request-id",
        vary: expect.stringMatching(/origin/i),
      });
      expect(answer.headers).not.toHaveProperty("access-control-allow-credentials");
    }
  });

  test.each([
    "https://a.example.evil",
    "http://a.example",
    "https://a.example:444",
    "null",
    "",
    "https://a.example,https://b.example",
  ])("%j is not listed", async (origin) => {
    expect((await preflight(friendly.app, origin)).headers).not.toHaveProperty("access-control-allow-origin");
    const answer = await friendly.app.inject({ url: "/v2", headers: { origin } });
    expect(answer.headers).not.toHaveProperty("access-control-allow-origin");
  });

  test("get nothing where none is listed", async () => {
    const { statusCode, headers } = await preflight(server.app, FRIEND);
    expect(statusCode).toBe(404);
    expect(headers).not.toHaveProperty("access-control-allow-origin");
  });
});
