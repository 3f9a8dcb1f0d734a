import type { BrowserContext, Page, Worker } from "@playwright/test";

/** What is put before the workers' scripts: they keep what they compute on, so that a test can take it away. */
const KEEPER = `
self.kept = { contexts: [], devices: [], groups: 0, dispatches: 0, spoilsInputs: false };
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
    const { createBindGroup } = GPUDevice.prototype;
    GPUDevice.prototype.createBindGroup = function (...rest) {
      self.kept.groups += 1;
      return createBindGroup.apply(this, rest);
    };
    const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
    GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...rest) {
      self.kept.dispatches += 1;
      return dispatchWorkgroups.apply(this, rest);
    };
    const { writeBuffer } = GPUQueue.prototype;
    GPUQueue.prototype.writeBuffer = function (buffer, at, values, ...rest) {
      const isInput = self.kept.spoilsInputs && values.byteLength > 4096;
      return writeBuffer.call(this, buffer, at, isInput ? values.slice().fill(0.5) : values, ...rest);
    };
  }
}
`;

interface Kept {
  readonly kept: {
    readonly contexts: readonly WebGL2RenderingContext[];
    readonly devices: readonly {
      destroy(): void;
      createBuffer(of: { size: number; usage: number }): object;
    }[];
    groups: number;
    dispatches: number;
    spoilsInputs: boolean;
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

/** Has the WebGPU devices report a fault that loses nothing. @returns how many there were */
export const upsetDevices = (page: Page): Promise<number> =>
  inWorkers(page, () => {
    const { devices } = (globalThis as unknown as Kept).kept;
    for (const device of devices) device.createBuffer({ size: 16, usage: 0 });
    return devices.length;
  });

/** From now on what is written to large WebGPU buffers arrives as something else. @returns in how many workers */
export const spoilInputs = (page: Page): Promise<number> =>
  inWorkers(page, () => {
    (globalThis as unknown as Kept).kept.spoilsInputs = true;
    return 1;
  });

/** What workers have told WebGPU so far: TF.js binds buffers for every dispatch, a replay does not. */
export async function commandsSoFar(page: Page): Promise<{ groups: number; dispatches: number }> {
  const groups = await inWorkers(page, () => (globalThis as unknown as Kept).kept.groups);
  return { groups, dispatches: await inWorkers(page, () => (globalThis as unknown as Kept).kept.dispatches) };
}

async function inWorkers(page: Page, act: () => number): Promise<number> {
  const counts = await Promise.all(page.workers().map((worker: Worker) => worker.evaluate(act)));
  return counts.reduce((sum, count) => sum + count, 0);
}
