import type { BrowserContext, Page, Worker } from "@playwright/test";

/** What is put before the workers' scripts: they keep what they compute on, so that a test can take it away. */
const KEEPER = `
self.kept = { contexts: [], devices: [] };
{
  const { getContext } = OffscreenCanvas.prototype;
  OffscreenCanvas.prototype.getContext = function (kind, ...rest) {
    const context = getContext.call(this, kind, ...rest);
    if (kind.startsWith("webgl") && context !== null) self.kept.contexts.push(context);
    return context;
  };
  if (self.GPUAdapter !== undefined) {
    const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = async function (...rest) {
      const device = await requestDevice.apply(this, rest);
      self.kept.devices.push(device);
      return device;
    };
  }
}
`;

interface Kept {
  readonly kept: {
    readonly contexts: readonly WebGL2RenderingContext[];
    readonly devices: readonly { destroy(): void }[];
  };
}

/** From now on workers of pages opened here keep their devices. */
export async function keepDevices(context: BrowserContext): Promise<void> {
  await context.route(/\/assets\/worker-.*\.js$/, async (route) => {
    const response = await route.fetch();
    const { "content-length": _, "content-encoding": __, ...headers } = response.headers();
    await route.fulfill({ response, headers, body: KEEPER + (await response.text()) });
  });
}

/** Takes the WebGL contexts away, as a driver does that is reset. @returns how many there were */
export const loseContexts = (page: Page): Promise<number> =>
  inWorkers(page, () => {
    const { contexts } = (globalThis as unknown as Kept).kept;
    for (const context of contexts) context.getExtension("WEBGL_lose_context")?.loseContext();
    return contexts.length;
  });

/** Takes the WebGPU devices away. @returns how many there were */
export const destroyDevices = (page: Page): Promise<number> =>
  inWorkers(page, () => {
    const { devices } = (globalThis as unknown as Kept).kept;
    for (const device of devices) device.destroy();
    return devices.length;
  });

async function inWorkers(page: Page, act: () => number): Promise<number> {
  const counts = await Promise.all(page.workers().map((worker: Worker) => worker.evaluate(act)));
  return counts.reduce((sum, count) => sum + count, 0);
}
