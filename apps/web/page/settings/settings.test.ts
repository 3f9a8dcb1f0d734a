import { expect, test } from "vitest";
import { CODECS } from "#shared/codecs";
import { PLANNERS } from "#shared/planning";
import { addressWith, readSettings } from "./settings.ts";

test("without a query everything is at its default", () => {
  expect(readSettings("")).toEqual({
    settings: {
      model: null,
      backend: null,
      engine: "auto",
      slowdown: 1,
      profile: "auto",
      codec: null,
      planner: "eddi",
      transport: null,
      budgetMs: 300,
      framesPerSecond: null,
      minAccuracy: null,
      phoneOnly: false,
      earlyExits: true,
    },
    problems: [],
  });
});

test("every setting can be given", () => {
  const { settings, problems } = readSettings(
    "?model=tiny&backend=wasm&engine=litert&slowdown=2.5&profile=off&codec=float32+deflate&budget=40&fps=12&transport=stream&planner=spinn+insured&accuracy=0.8&only=phone&early=off&utm_source=x",
  );
  expect(settings).toEqual({
    model: "tiny",
    backend: "wasm",
    engine: "litert",
    slowdown: 2.5,
    profile: "off",
    codec: "float32+deflate",
    planner: "spinn+insured",
    transport: "stream",
    budgetMs: 40,
    framesPerSecond: 12,
    minAccuracy: 0.8,
    phoneOnly: true,
    earlyExits: false,
  });
  expect(problems).toEqual([]);
});

test("?calibrate=, as ?profile= was once called, still says so", () => {
  expect(readSettings("?calibrate=off").settings.profile).toBe("off");
  expect(readSettings("?calibrate=off&profile=force").settings.profile).toBe("force");
});

test("a value that makes no sense is named, with what was expected, and its default is used", () => {
  const { settings, problems } = readSettings(
    "?model=../x&backend=cuda&engine=v8&slowdown=0.5&profile=maybe&codec=jpeg:0&budget=soon&fps=0&accuracy=85&transport=pigeon&planner=best&only=cloud&early=on",
  );
  expect(settings).toEqual(readSettings("").settings);
  expect(problems).toEqual([
    "?model=../x: expected a model id: lower case letters, digits and -",
    "?backend=cuda: expected one of webgpu, wasm, webgl",
    "?engine=v8: expected one of auto, tfjs, litert",
    "?slowdown=0.5: expected a number from 1 to 1000",
    "?profile=maybe: expected one of auto, off, force",
    `?codec=jpeg:0: expected one of ${CODECS.join(", ")}; with a quality as webp:60, deflated as uint4+deflate`,
    `?planner=best: expected one of ${PLANNERS.join(", ")}`,
    "?transport=pigeon: expected fetch or stream",
    "?budget=soon: expected milliseconds from 5 to 10000",
    "?fps=0: expected frames a second from 0.1 to 60, or most",
    "?accuracy=85: expected a top-1 accuracy from 0 to 1",
    "?only=cloud: expected phone",
    "?early=on: expected off",
  ]);
});

test("what is set is in the address, what is as usual is not", () => {
  const set = {
    framesPerSecond: "most" as const,
    budgetMs: 120,
    minAccuracy: 0.85,
    phoneOnly: true,
    earlyExits: false,
  };
  const address = addressWith(set, "https://eddi.example/?model=tiny");
  expect(readSettings(new URL(address).search).settings).toMatchObject({ model: "tiny", ...set });
  const usual = {
    framesPerSecond: null,
    budgetMs: 300,
    minAccuracy: null,
    phoneOnly: false,
    earlyExits: true,
  };
  expect(addressWith(usual, address)).toBe("https://eddi.example/?model=tiny");
});
