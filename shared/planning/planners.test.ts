import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { exitCosts } from "#shared/evaluator";
import { allCloud, allEdge, edgeNodes, type Model, readModel, splitPlan } from "#shared/model";
import { FIRST_GUESS } from "#shared/network";
import { readProfile } from "#shared/profile";
import { randomFrom } from "#shared/random";
import { randomConditions } from "../evaluator/fixture.ts";
import type { CostedModel, PlanRequest } from "./planner.ts";
import { PLANNERS } from "./planner-names.ts";
import { plannerKind } from "./planners.ts";
import { planningFor } from "./planning-for.ts";

interface Case {
  readonly model: Model;
  readonly costed: CostedModel;
}

const MODELS = ["tiny", "resnet-imagenette", "mobilenet-imagenette"].map((id): Case => {
  const model = readModel(readFileSync(`models/${id}/model.json`));
  const profile = (name: string) =>
    readProfile(JSON.parse(readFileSync(`models/${id}/profiles/${name}.json`, "utf8")));
  const costs = exitCosts(model, profile("head-wasm"), profile("tail-wasm"), { codec: null });
  return { model, costed: { costs, policies: model.metadata.policies ?? [] } };
});

/** Links, phones and wishes of all kinds; what is ready grows. */
function requests({ model }: Case): PlanRequest[] {
  const random = randomFrom(5);
  const first = allEdge(model, model.metadata.exits[0]!.id).head;
  const ready = [new Set<string>(), new Set(first), new Set(model.dag.names)];
  return Array.from({ length: 24 }, (_, at) => ({
    conditions: randomConditions(random),
    budgetMs: 10 ** (1 + 2 * random()),
    minAccuracy: random() < 0.25 ? random() : null,
    framesPerSecond: random() < 0.25 ? 10 ** (2 * random()) : null,
    image: { ms: 5 * random(), sdMs: random() },
    readyNodes: ready[Math.min(2, Math.floor(at / 4))]!,
    cloudUp: true,
    previous: null,
  }));
}

test.each(PLANNERS)(
  "%s plans what can be run, says what to expect of it, and follows from what it was told",
  (name) => {
    for (const one of MODELS) {
      const { model, costed } = one;
      const shared = plannerKind(name, costed);
      const [planner, twin] = [shared.start(), plannerKind(name, costed).start()];
      let previous: PlanRequest["previous"] = null;
      for (const asked of requests(one)) {
        const request = deepFreeze({ ...asked, previous });
        const planning = planningFor(costed, planner, request);
        expect(planningFor(costed, twin, request)).toEqual(planning);
        const { plan, wanted, prediction, ways, load } = planning;
        for (const made of [plan!, wanted!]) splitPlan(model, made);
        const computed = edgeNodes(model, plan!).filter((node) => node !== model.dag.names[0]);
        expect(computed.filter((node) => !request.readyNodes.has(node))).toEqual([]);
        expect(prediction!.probability).toBeGreaterThanOrEqual(0);
        expect(prediction!.probability).toBeLessThanOrEqual(1 + 1e-9);
        expect(prediction!.expectedMs).toBeGreaterThan(request.image.ms);
        expect(ways.at(-1)!.exit).toBe(plan!.exit);
        expect(load === null).toBe(request.framesPerSecond === null);
        if (load !== null) expect(load.planFps).toBeLessThanOrEqual(load.sustainableFps * (1 + 1e-9));
        previous = plan;
      }
    }
  },
);

test.each(PLANNERS)("%s has no plan before there are costs", (name) => {
  const nothing = { costs: [], policies: [] };
  const request = { ...requests(MODELS[0]!)[0]!, conditions: FIRST_GUESS };
  const planning = planningFor(nothing, plannerKind(name, nothing).start(), request);
  expect(planning).toMatchObject({ plan: null, wanted: null, prediction: null, finish: [], ways: [] });
});

test("a policy's plan waits for no weights: until they are there the image is sent", () => {
  const one = MODELS[1]!;
  const request = requests(one)[0]!;
  const { plan, wanted } = plannerKind("edge-only", one.costed).start().plan(request);
  expect(plan).toMatchObject(allCloud(one.model, plan!.exit));
  expect(wanted).toEqual(allEdge(one.model, wanted!.exit));
});

test("an insured policy plans as it does, and finishes in time where the reply may be late", () => {
  const one = MODELS[1]!;
  let insured = 0;
  for (const request of requests(one)) {
    const bare = plannerKind("cloud-raw", one.costed).start().plan(request).plan!;
    const { insurance, ...plan } = plannerKind("cloud-raw+insured", one.costed).start().plan(request).plan!;
    expect(plan).toEqual(bare);
    if (insurance !== undefined) insured++;
  }
  expect(insured).toBeGreaterThan(0);
});

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !(value instanceof Set)) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
