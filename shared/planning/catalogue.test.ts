import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { costsOf, exitCosts } from "#shared/evaluator";
import { allCloud, allEdge, type Catalogue, readModel, servedCodecs, splitPlan } from "#shared/model";
import { catalogueOf, plainTails, readProfile } from "#shared/profile";
import { randomFrom } from "#shared/random";
import { randomConditions } from "../evaluator/fixture.ts";
import { alternativeAt, alternativesOf } from "./alternatives.ts";
import type { CostedModel, PlanRequest } from "./planner.ts";
import { PLANNERS } from "./planner-names.ts";
import { plannerKind } from "./planners.ts";
import { planningFor } from "./planning-for.ts";

const model = readModel(readFileSync("models/resnet-imagenette/model.json"));
const profile = (name: string) =>
  readProfile(JSON.parse(readFileSync(`models/resnet-imagenette/profiles/${name}.json`, "utf8")));
const tails = plainTails(model);
const served = (has: (name: string) => boolean, isBinary = true): Catalogue =>
  catalogueOf(tails, has, isBinary);
const costed = (catalogue: Catalogue | null): CostedModel => ({
  costs: exitCosts(model, profile("head-wasm"), profile("tail-native"), { codec: null, catalogue }),
  policies: model.metadata.policies ?? [],
});

/** Slow phones on links of all kinds, and some whose weights are still under way. */
function requests(): PlanRequest[] {
  const random = randomFrom(11);
  const all = new Set(model.dag.names);
  const first = new Set(allEdge(model, model.metadata.exits[0]!.id).head);
  return Array.from({ length: 40 }, (_, at) => ({
    conditions: { ...randomConditions(random), edgeScale: 0.5 + 20 * random() },
    budgetMs: 10 ** (1 + 2 * random()),
    minAccuracy: random() < 0.25 ? random() : null,
    framesPerSecond: null,
    image: { ms: 1, sdMs: 0 },
    readyNodes: at % 4 === 0 ? first : all,
    cloudUp: true,
    previous: null,
  }));
}

const random = randomFrom(3);
const some = new Set(tails.filter(() => random() < 0.4).map(({ name }) => name));

test.each([
  ["all that the repository has", served(() => true)],
  ["all, as text", served(() => true, false)],
  ["some of it", served((name) => some.has(name))],
  ["the image alone", served((name) => name.includes("~image"))],
  ["nothing", served(() => false)],
])("of a server that has %s no other tail is planned", (_, catalogue) => {
  const plain = costed(catalogue);
  const planner = plannerKind("eddi", plain).start();
  let sent = 0;
  for (const request of requests()) {
    const { plan, wanted, prediction } = planningFor(plain, planner, request);
    for (const made of [plan, wanted]) {
      if (made === null) continue;
      const { cut, tail } = splitPlan(model, made);
      if (tail === null) continue;
      sent += 1;
      const codecs = servedCodecs(catalogue, made.exit, cut);
      expect(codecs, `${made.exit}, ${cut}`).toContain(made.codecs![cut[0]!]!.codec);
      expect(made.codecs![cut[0]!]!.deflate).toBe(false);
    }
    if (plan !== null) expect(Number.isFinite(prediction!.totalMs)).toBe(true);
    for (const { plan: other, prediction: foretold } of alternativesOf(plain, request)) {
      const { cut, tail } = splitPlan(model, other);
      if (tail !== null) expect(servedCodecs(catalogue, other.exit, cut)).not.toEqual([]);
      expect(Number.isFinite(foretold.totalMs)).toBe(true);
    }
  }
  expect(sent > 0).toBe(Object.keys(catalogue.tails).length > 0);
});

test.each(PLANNERS)("%s foresees nothing of a tail that there is not", (name) => {
  const catalogue = served((tail) => some.has(tail));
  const plain = costed(catalogue);
  const planner = plannerKind(name, plain).start();
  for (const request of requests()) {
    const { plan, prediction } = planningFor(plain, planner, request);
    if (plan === null) continue;
    const { cut, tail } = splitPlan(model, plan);
    const isServed = tail === null || servedCodecs(catalogue, plan.exit, cut).length > 0;
    expect(prediction !== null, `${plan.exit}, ${cut}`).toBe(isServed);
  }
});

test("what somebody asks for by hand is told to be no plan where the server has no tail for it", () => {
  const plan = allCloud(model, model.metadata.exits.at(-1)!.id);
  const [request] = requests() as [PlanRequest];
  expect(alternativeAt(costed(served(() => true)), plan, request)).not.toBeNull();
  expect(alternativeAt(costed(served((name) => !name.includes("~image"))), plan, request)).toBeNull();
});

test("tensors travel in what they are taken in: small where that costs little, as numbers where there is no binary", () => {
  const { exit } = tails.at(-1)!;
  const at = model.dag.names[0]!;
  const of = (catalogue: Catalogue, mode: "plain" | "exact") => {
    const found = costed(catalogue).costs.find((one) => one.exit === exit && one.wire?.mode === mode)!;
    const node = found.dag.names.indexOf(at);
    return { codec: found.wire!.codecs[node]!.codec, bytes: found.wireBytes[node]! };
  };
  const all = served(() => true);
  expect([of(all, "plain").codec, of(all, "exact").codec]).toEqual(["uint8", "float32"]);
  expect(of(all, "exact").bytes).toBeGreaterThan(3 * of(all, "plain").bytes);
  expect(
    of(
      served(() => true, false),
      "plain",
    ).bytes,
  ).toBeGreaterThan(3 * of(all, "plain").bytes);
  expect(
    of(
      served((name) => !name.endsWith("~uint8")),
      "plain",
    ).codec,
  ).toBe("float32");
  const only = costed(served((name) => name.endsWith("~uint8")));
  const plan = { exit, head: [...allEdge(model, exit).head.slice(0, 1)], codecs: {} };
  expect(costsOf(only.costs, plan)!.wire!.codecs[0]!.codec).toBe("uint8");
});

test("a codec that somebody insists on is used where the server takes it, else the smallest that it takes", () => {
  const forced = (codec: "float32" | "uint4", catalogue: Catalogue) => {
    const options = { codec: { codec, deflate: true }, catalogue } as const;
    const costs = exitCosts(model, profile("head-wasm"), profile("tail-native"), options);
    return costs.at(-1)!.wire!.codecs[0]!;
  };
  expect(
    forced(
      "float32",
      served(() => true),
    ),
  ).toEqual({ codec: "float32", deflate: false });
  expect(
    forced(
      "uint4",
      served(() => true),
    ),
  ).toEqual({ codec: "uint8", deflate: false });
  expect(
    forced(
      "uint4",
      served((name) => !name.endsWith("~uint8")),
    ).codec,
  ).toBe("float32");
});
