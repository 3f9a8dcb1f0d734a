import { chromium, type Browser as Shared } from "playwright";
import { type Browser, launchOptions, PHONE, patient } from "../../apps/lab/rig/phone.ts";

/** By their flags. They end with the process of the tests. */
const browsers = new Map<string, Promise<Shared>>();

/** A visit with nothing in its caches, in a browser that others share one after the other: to start one takes seconds. */
export async function openVisit(chromePath: string | null, flags: readonly string[]): Promise<Browser> {
  const key = flags.join(" ");
  const launched = browsers.get(key) ?? chromium.launch(launchOptions(chromePath, flags));
  browsers.set(key, launched);
  const context = patient(await (await launched).newContext(PHONE));
  return { context, page: await context.newPage(), close: () => context.close() };
}
