import { expect, test } from "vitest";
import { addressFor, askedModel, chooseModel, offered } from "./choose-model.ts";

test("the flagship opens, else what is not for tests, else anything", () => {
  expect(chooseModel(["alexnet-cifar10", "resnet-imagenette", "tiny"])).toBe("resnet-imagenette");
  expect(chooseModel(["tiny", "mine"])).toBe("mine");
  expect(chooseModel(["tiny"])).toBe("tiny");
  expect(() => chooseModel([])).toThrow("the service has no model");
});

test("models for tests are not offered", () => {
  expect(offered(["alexnet-cifar10", "tiny", "mine"])).toEqual(["alexnet-cifar10", "mine"]);
});

test("another model keeps the rest of the address", () => {
  const address = "https://host:8443/?budget=200&model=mine";
  expect(addressFor("a b", address)).toBe("https://host:8443/?budget=200&model=a+b");
  expect(addressFor("mine", "https://host/#key=x")).toBe("https://host/?model=mine#key=x");
});

test("a model that the service does not have is no dead end: another one is shown, and why", () => {
  const names = ["alexnet-cifar10", "resnet-imagenette", "tiny"];
  expect(askedModel("tiny", names)).toEqual({ id: "tiny", problem: null });
  expect(askedModel("nope", names)).toEqual({
    id: "resnet-imagenette",
    problem:
      "?model=nope: expected one of alexnet-cifar10, resnet-imagenette, tiny; resnet-imagenette is shown",
  });
  // Without the service nobody knows.
  expect(askedModel("nope", null)).toEqual({ id: "nope", problem: null });
  expect(() => askedModel("nope", [])).toThrow("the service has no model");
});
