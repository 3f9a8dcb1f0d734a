import { afterEach, expect, test } from "vitest";
import { buildServer, type CloudServer } from "../server.ts";
import { testConfig } from "../testing/fixture.ts";
import { readBasePath, withoutBase } from "./base-path.ts";

const servers: CloudServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

test("a prefix is a path, with or without a slash at its end; none is none", () => {
  expect(["", "/", "/eddi", "/eddi/", "/a/b%20c/"].map(readBasePath)).toEqual([
    "",
    "",
    "/eddi",
    "/eddi",
    "/a/b%20c",
  ]);
  for (const wrong of ["eddi", "/a//b", "//host", "/a?b", "/a#b", "/a b", "/..", "/a/../b", "/./a", "/é"]) {
    expect(() => readBasePath(wrong), wrong).toThrow(/^--base-path: expected a path such as \/eddi, got /);
  }
});

test.each([
  ["/eddi", "/"],
  ["/eddi?x=1", "/?x=1"],
  ["/eddi/", "/"],
  ["/eddi/v2/stream?x", "/v2/stream?x"],
  ["/eddington/v2", "/eddington/v2"],
  ["/v2/health/live", "/v2/health/live"],
  ["/other/eddi/v2", "/other/eddi/v2"],
  ["*", "*"],
])("below /eddi, %s is %s", (url, expected) => {
  expect(withoutBase("/eddi", url)).toBe(expected);
});

test("every path is answered with the prefix and without; the prefix alone leads to its folder", async () => {
  const server = await buildServer(testConfig({ basePath: "/a/eddi" }));
  servers.push(server);
  await server.ready;
  for (const path of [
    "/v2/health/ready",
    "/v2/models/tiny",
    "/models/tiny/model.json",
    "/docs/json",
    "/metrics",
  ]) {
    const [without, below] = [await server.app.inject(path), await server.app.inject(`/a/eddi${path}`)];
    expect([without.statusCode, below.statusCode], path).toEqual([200, 200]);
  }
  const alone = await server.app.inject("/a/eddi?model=tiny");
  expect([alone.statusCode, alone.headers.location]).toEqual([308, "/a/eddi/?model=tiny"]);
  expect((await server.app.inject("/a/eddi")).headers.location).toBe("/a/eddi/");
  expect((await server.app.inject("/a/eddingtonv2/health/live")).statusCode).toBe(404);
});
