import Ajv from "ajv";
import type { OpenAPIV3 } from "openapi-types";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildServer, type CloudServer } from "../server.ts";
import { imageBytes, postBytes, testConfig } from "../testing/fixture.ts";

let server: CloudServer;
let document: OpenAPIV3.Document;
beforeAll(async () => {
  server = await buildServer(testConfig());
  await server.ready;
  document = (await server.app.inject("/docs/json")).json();
});
afterAll(() => server.close());

/** Of Fastify's drawing of its routes: every line adds to the path of the line that it hangs on. */
function routesOf(drawing: string): string[] {
  const above: string[] = [];
  return drawing.split("\n").flatMap((line) => {
    const found = /^([│└├─\s]*)(\S+)(?: \((.*)\))?$/.exec(line);
    if (found === null) return [];
    const depth = found[1]!.length / 4;
    above[depth] = (above[depth - 1] ?? "") + found[2];
    const path = above[depth].replaceAll(/:(\w+)/g, "{$1}");
    const methods = (found[3] ?? "").split(", ").filter((method) => method !== "" && method !== "HEAD");
    return methods.map((method) => `${method} ${path}`);
  });
}

test("every route of the protocol is described, and nothing else", () => {
  const routes = routesOf(server.app.printRoutes({ commonPrefix: false }));
  const ours = routes.filter((route) => /^\w+ \/(v2|metrics)/.test(route) && route !== "GET /v2/");
  const described = Object.entries(document.paths).flatMap(([path, item]) =>
    ["get", "post"].filter((method) => method in item!).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described.sort()).toEqual(ours.sort());
  expect(described.length).toBeGreaterThan(15);
});

describe("replies are as described", () => {
  const ajv = new Ajv({ strict: false });
  const check = (schema: string, value: unknown) => {
    if (ajv.getSchema("eddi") === undefined) ajv.addSchema(document, "eddi");
    const validate = ajv.compile({ $ref: `eddi#/components/schemas/${schema}` });
    expect(validate(value), JSON.stringify(validate.errors)).toBe(true);
  };

  test("of everything that is read", async () => {
    let replies = 0;
    for (const [path, item] of Object.entries(document.paths)) {
      const found = JSON.stringify(item!.get?.responses[200] ?? {}).match(/#\/components\/schemas\/(\w+)/);
      if (found === null) continue;
      const [{ version }] = (await server.app.inject("/v2/models/tiny/stats")).json().model_stats;
      const response = await server.app.inject(path.replace("{model}", "tiny").replace("{version}", version));
      expect(response.statusCode, path).toBe(200);
      check(found[1]!, response.json());
      replies++;
    }
    expect(replies).toBeGreaterThan(10);
  });

  test("of inference, and of its errors", async () => {
    const asked = {
      id: "42",
      parameters: { exit: "exit1" },
      inputs: [{ name: "image", shape: [1, 32, 32, 3], datatype: "UINT8", data: [...imageBytes(1, 3072)] }],
      outputs: [{ name: "exit1" }, { name: "exit2", parameters: { classification: 2 } }],
    };
    check("inference_request", asked);
    const send = (body: object) => postBytes(server.app, new TextEncoder().encode(JSON.stringify(body)));
    const response = await send(asked);
    expect(response.statusCode).toBe(200);
    check("inference_response", response.json());
    const refused = await send({ inputs: [] });
    expect(refused.statusCode).toBe(400);
    check("inference_error_response", refused.json());
  });
});

test("the page loads from here alone, over plain HTTP too", async () => {
  for (const path of ["/docs", "/docs/"]) {
    const page = await server.app.inject(path);
    expect(page.statusCode).toBe(200);
    expect(page.headers["content-type"]).toMatch(/^text\/html/);
    const policy = String(page.headers["content-security-policy"]);
    expect(policy).toMatch(/^default-src 'self'/);
    expect(policy).not.toMatch(/https?:|upgrade-insecure-requests/);
    const linked = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
    expect(linked.length).toBeGreaterThan(4);
    for (const link of linked) {
      const file = new URL(link, `http://host${path}`);
      expect(file.host).toBe("host");
      expect((await server.app.inject(file.pathname)).statusCode, link).toBe(200);
    }
  }
});

test("what is not served is not described", async () => {
  const without = await buildServer(testConfig({ metrics: false }));
  const { paths } = (await without.app.inject("/docs/json")).json();
  expect(paths).not.toHaveProperty("/metrics");
  expect(document.paths).toHaveProperty("/metrics");
  await without.close();
});
