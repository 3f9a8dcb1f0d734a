import { getBackend } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { enginesOf, TFJS_BACKENDS } from "../../engines/index.ts";
import { openBackend } from "./backend.ts";

test("opens the backend that is asked for, and tells what it computes on", async () => {
  const { info, deviceName } = await openBackend("wasm");
  expect(info).toEqual({ name: "wasm", backend: "wasm", device: "cpu" });
  expect(getBackend()).toBe("wasm");
  expect(deviceName).toMatch(/\S/);
});

test.each(TFJS_BACKENDS)(
  "%s is opened where one of its engines loads, else refused with why",
  {
    timeout: 60_000,
  },
  async (backend) => {
    const opened = await openBackend(backend).catch((thrown: Error) => thrown);
    if (!(opened instanceof Error)) {
      expect(opened.info.backend).toBe(backend);
      return;
    }
    expect(opened).toMatchObject({ code: "unavailable" });
    for (const name of enginesOf(backend)) {
      expect(opened.message).toMatch(new RegExp(`engine ${name}: expected it to load, got: \\S`));
    }
  },
);

test("auto computes on the processor", { timeout: 60_000 }, async () => {
  expect((await openBackend("auto")).info.backend).toMatch(/^(native|wasm)$/);
});

test("refuses what is no backend", async () => {
  const refusal = `--backend: expected one of auto, ${TFJS_BACKENDS.join(", ")}, got cuda`;
  await expect(openBackend("cuda")).rejects.toThrow(refusal);
});
