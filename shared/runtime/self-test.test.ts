import "@tensorflow/tfjs-backend-wasm";
import "@tensorflow/tfjs-backend-cpu";
import {
  getKernel,
  type KernelConfig,
  registerKernel,
  setBackend,
  unregisterKernel,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { selfTest } from "./self-test.ts";

const now = (): number => performance.now();

test.each(["wasm", "cpu"])("the reference net agrees with its golden scores on %s", async (backend) => {
  await setBackend(backend);
  const { ok, maxError, medianMs } = await selfTest(now, 1);
  expect(maxError).toBeLessThan(1e-5);
  expect(ok).toBe(true);
  expect(medianMs).toBeGreaterThan(0);
});

test("a backend that computes wrongly fails the self-test", async () => {
  await setBackend("cpu");
  const right = getKernel("Relu", "cpu");
  const negate = getKernel("Neg", "cpu");
  unregisterKernel("Relu", "cpu");
  registerKernel({ ...negate, kernelName: "Relu", backendName: "cpu" } as KernelConfig);
  try {
    expect((await selfTest(now, 1)).ok).toBe(false);
  } finally {
    unregisterKernel("Relu", "cpu");
    registerKernel(right);
  }
});
