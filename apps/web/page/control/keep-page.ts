import type { Client } from "../../client/index.ts";
import type { Service } from "../../service/service.ts";

/** Beside the page, as the build puts it: it serves what lies below its own folder. */
const SCRIPT = "service-worker.js";
/** Where nothing is ever measured. */
const LATEST_MS = 20_000;

/**
 * Has the browser keep the page, so that it opens without a network, once what the visit is about is there: the model
 * goes first. A browser that keeps nothing, or may not, goes on without.
 */
export async function keepPage(client: Client, service: Service): Promise<void> {
  if (!import.meta.env.PROD) return;
  await measured(client);
  try {
    const registration = await navigator.serviceWorker.register(service.url(SCRIPT));
    const { installing } = registration;
    if (installing === null) return;
    // What it fetches lies in the way of replies.
    client.setDownloading("loading");
    installing.addEventListener("statechange", () => client.setDownloading("loaded"), { once: true });
  } catch (thrown) {
    console.warn(`offline: ${(thrown as Error).message}`);
  }
}

/** Resolves when this device has measured itself, is not to, or cannot. */
function measured(client: Client): Promise<void> {
  return new Promise((done) => {
    const look = (): void => {
      const { state } = client.state().profiling;
      if (state !== "waiting" && state !== "measuring") done();
    };
    client.on("profiling", look);
    setTimeout(done, LATEST_MS);
    look();
  });
}

/** Bytes that are kept on this device; null where the browser does not tell. */
export async function keptBytes(): Promise<number | null> {
  try {
    return (await navigator.storage.estimate()).usage ?? null;
  } catch {
    return null;
  }
}

/** Removes all that is kept on this device: page, models, and what was measured of it. */
export async function forgetAll(service: Service): Promise<void> {
  try {
    const registration = await navigator.serviceWorker.getRegistration(service.url("/"));
    await registration?.unregister();
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name.startsWith("eddi-")).map((name) => caches.delete(name)));
  } catch {
    // A browser that refuses to be asked keeps nothing.
  }
}
