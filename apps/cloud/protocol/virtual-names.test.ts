import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Model, tailOf, virtualName } from "#shared/model";
import type { WireTensor } from "#shared/protocol";
import { loadModels } from "../models/registry.ts";
import { buildServer, type CloudServer } from "../server.ts";
import {
  floatTensor,
  MODELS_DIR,
  post,
  readResponse,
  request,
  scoresOf,
  testConfig,
} from "../testing/fixture.ts";

const WIDE = "block2/wide";
const POINT = "block2/point";
const TAIL = "tiny~exit2~block2:wide+block2:point";

let server: CloudServer;
let model: Model;
beforeAll(async () => {
  server = await buildServer(testConfig());
  await server.ready;
  model = (await loadModels(MODELS_DIR)).find("tiny", null).model;
});
afterAll(() => server.close());

const pathOf = (name: string) => `/v2/models/${encodeURIComponent(name)}`;
const get = (url: string) => server.app.inject(url);
const ramp = (name: string, batch = 1): WireTensor => {
  const { shape } = model.metadata.tensors[name]!;
  const count = shape.reduce((product, side) => product * side, batch);
  const values = Float32Array.from({ length: count }, (_, at) => Math.sin(at));
  return floatTensor(name, [batch, ...shape], values);
};
const inputs = () => [ramp(POINT), ramp(WIDE)];

describe("a virtual name", () => {
  test("states the true tensors of its cut and its one exit", async () => {
    const described = (await get(pathOf(TAIL))).json();
    expect(described).toMatchObject({
      name: TAIL,
      versions: [model.version],
      inputs: [
        { name: WIDE, datatype: "FP32", shape: [-1, 8, 8, 12] },
        { name: POINT, datatype: "FP32", shape: [-1, 8, 8, 4] },
      ],
      outputs: [{ name: "exit2", datatype: "FP32", shape: [-1, 10] }],
    });
    expect(described.parameters.exits).toHaveLength(1);
  });

  test("answers as the base model does for the same tensors and exit", async () => {
    const expected = await post(server.app, request(inputs(), { parameters: { exit: "exit2" } }));
    const came = await post(server.app, request(inputs()), `${pathOf(TAIL)}/infer`);
    expect(scoresOf(came)).toEqual(scoresOf(expected));
    expect(readResponse(came)).toMatchObject({ modelName: TAIL, parameters: { exit: "exit2" } });
    const versioned = `${pathOf(TAIL)}/versions/${model.version}`;
    const again = await post(server.app, request(inputs()), `${versioned}/infer`);
    expect(scoresOf(again)).toEqual(scoresOf(expected));
    expect((await get(`${versioned}/ready`)).json()).toEqual({ name: TAIL, ready: true });
  });

  test.each([
    "tiny~exit2~block2%2Fwide+block2%2Fpoint",
    "tiny~exit2~block2:point+block2:wide",
    "tiny~exit2~block2%3Awide%2Bblock2%3Apoint",
  ])("may be written %s, and is told the same way", async (path) => {
    expect((await get(`/v2/models/${path}`)).json().name).toBe(TAIL);
  });

  test("has a configuration and statistics under its own name", async () => {
    const config = (await get(`${pathOf(TAIL)}/config`)).json();
    expect(config).toMatchObject({
      name: TAIL,
      input: [
        { name: WIDE, data_type: "TYPE_FP32", dims: [8, 8, 12] },
        { name: POINT, data_type: "TYPE_FP32", dims: [8, 8, 4] },
      ],
      output: [{ name: "exit2", data_type: "TYPE_FP32", dims: [10] }],
    });
    const { model_stats } = (await get(`${pathOf(TAIL)}/stats`)).json();
    expect(model_stats).toMatchObject([{ name: TAIL }]);
  });

  test("works for every tensor that is a cut by itself", async () => {
    let tails = 0;
    for (const { id } of model.metadata.exits) {
      for (const name of model.dag.names) {
        if (!isCut(name, id)) continue;
        const path = pathOf(virtualName(model.metadata.id, id, [name]));
        const [input] = (await get(path)).json().inputs;
        expect(input).toEqual({
          name,
          datatype: "FP32",
          shape: [-1, ...model.metadata.tensors[name]!.shape],
        });
        expect((await post(server.app, request([ramp(name)]), `${path}/infer`)).statusCode).toBe(200);
        tails++;
      }
    }
    expect(tails).toBeGreaterThan(15);
  });

  const isCut = (name: string, exit: string): boolean => {
    try {
      return tailOf(model, [name], exit).nodes.length > 0;
    } catch {
      return false;
    }
  };
});

describe("what is no virtual name is not found", () => {
  test.each([
    ["tiny~exit2", /expected a model or MODEL~EXIT~CUT, got tiny~exit2/],
    [`${TAIL}~more`, /expected a model or MODEL~EXIT~CUT/],
    ["huge~exit2~image", /expected one of the models tiny, got huge/],
    ["tiny~exit9~image", /expected one of the exits exit1, exit2, exit3, got exit9/],
    ["tiny~exit2~", /no such tail of tiny: expected tensors of tiny, got/],
    ["tiny~exit2~picture", /no such tail of tiny: expected tensors of tiny, got picture/],
    ["tiny~exit2~block2:wide", /no such tail of tiny: exit exit2: expected block2\/wide and the rest/],
    ["tiny~exit1~exit1:scores", /no such tail of tiny: exit exit1: expected only tensors/],
  ])("%s", async (name, message) => {
    for (const url of ["", "/ready", "/config", "/stats"].map((end) => pathOf(name) + end)) {
      const response = await get(url);
      expect(response.statusCode, url).toBe(404);
      expect(response.json().error).toMatch(message);
    }
  });

  test("another version is not found either", async () => {
    expect((await get(`${pathOf(TAIL)}/versions/0123`)).statusCode).toBe(404);
  });
});

describe("a request under a virtual name", () => {
  const send = (change: Parameters<typeof request>[1], tensors = inputs()) =>
    post(server.app, request(tensors, change), `${pathOf(TAIL)}/infer`);

  test("must bring its cut", async () => {
    const response = await send({}, [ramp("image")]);
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toBe(`${TAIL}: expected ${WIDE}, ${POINT}, got image`);
  });

  test.each([{ parameters: { exit: "exit3" } }, { outputs: [{ name: "exit3", binary: true }] }])(
    "cannot ask for another exit: %j",
    async (change) => {
      const response = await send(change);
      expect(response.statusCode).toBe(404);
      expect(response.json().error).toBe(`${TAIL}: expected exit2, got exit3`);
    },
  );
});
