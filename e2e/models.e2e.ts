import { expect } from "@playwright/test";
import { openApp } from "./harness/app.ts";
import { test } from "./harness/test.ts";

test("another model is chosen from the list, and the page keeps its other settings", async ({ service }) => {
  const parameters = { backend: "wasm", profile: "off", budget: 400 };
  const app = await openApp({ url: service.url, parameters });
  const list = app.page.getByLabel("Model");
  await expect(list).toHaveValue("resnet-imagenette");
  await expect(list.locator("option", { hasText: "tiny" })).toHaveCount(0);
  await app.page.getByRole("button", { name: "Settings" }).tap();
  const cards = app.page.locator(".cards > div");
  await expect(cards.filter({ hasText: "this one" })).toContainText(
    /resnet-imagenette.*[\d.]+\sMB\. Answers at 4 places, right in 84\.8 to .* Knows 10 things: tench, /,
  );
  await expect(cards).toHaveCount(await list.locator("option").count());
  await list.selectOption("alexnet-cifar10");
  await app.page.waitForURL(/model=alexnet-cifar10/);
  await app.page.evaluate(() => globalThis.eddi.ready);
  expect(new URL(app.page.url()).searchParams.get("budget")).toBe("400");
  await expect(list).toHaveValue("alexnet-cifar10");
  expect((await app.state()).model?.id).toBe("alexnet-cifar10");
  await app.close();
});
