import { getBackend } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { deviceOf, openBackend } from "./backend.ts";

test("opens the backend that is asked for, and tells what it computes on", async () => {
  expect(await openBackend("wasm")).toBe("wasm");
  expect(getBackend()).toBe("wasm");
  expect(await deviceOf("wasm")).toMatch(/\S/);
});

test("webgpu is opened where it is installed, else refused", async () => {
  const opened = await openBackend("webgpu").catch((thrown: Error) => thrown.message);
  expect(opened).toMatch(/^webgpu$|^expected the package webgpu and an adapter, got: \S/);
});

test("refuses what is no backend", async () => {
  const refusal = "--backend: expected one of auto, native, wasm, webgpu, got cuda";
  await expect(openBackend("cuda")).rejects.toThrow(refusal);
});
