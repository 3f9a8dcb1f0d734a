/**
 * Keeps the page itself, so that it opens without a network: one cache for each version, filled as a whole or not at all.
 * Models are kept by whoever runs them (`service/kept-models.ts`); requests to the service never come by here where the
 * browser lets us say so.
 *
 * Online the service's own page goes first, so that nobody sees an old one. All that a page loads is named by its hash and
 * comes from here or from the service: so a new version takes over at once, and pages of the one before, which is kept
 * beside it, go on undisturbed.
 */
const worker = self as unknown as ServiceWorkerGlobalScope & typeof globalThis;

/** Put in by the build (`vite.config.ts`). */
const VERSION = "__VERSION__";
/** SHA-256 of `index.html`: another one may have been put in its place meanwhile. */
const PAGE_HASH = "__PAGE_HASH__";
/** What any visit may need: the browser has nearly all of it by now. */
const FILES: readonly string[] = ["__FILES__"];
/** What some browsers need: kept where this one has it already. */
const SOME_FILES: readonly string[] = ["__SOME_FILES__"];

const PREFIX = "eddi-page-";
const CACHE = `${PREFIX}${VERSION}`;
/** The page's own name in the cache. */
const PAGE = "./";
/** Where a shared photo waits for the page, and what its address says then: `page/control/shared-photo.ts` knows it too. */
const SHARED = "eddi-shared";
/** So long the service may take to answer before the page is opened from here. */
const PATIENCE_MS = 1500;

worker.addEventListener("install", (event) => {
  bypass(event);
  event.waitUntil(keepAll().then(() => worker.skipWaiting()));
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const names = await caches.keys();
      const others = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
      await Promise.all(others.slice(0, -1).map((name) => caches.delete(name)));
    })(),
  );
});

worker.addEventListener("fetch", (event) => {
  makeRoom();
  const { request } = event;
  const path = pathOf(request.url);
  const isShared = path === "" && new URL(request.url).searchParams.has("share");
  if (request.method === "POST" && isShared) event.respondWith(takeShared(request));
  if (request.method !== "GET" || path === null) return;
  if (request.mode === "navigate") {
    if (path === "" || path === "index.html") event.respondWith(openPage(request));
  } else if (isNamedByHash(path) || FILES.includes(path)) {
    event.respondWith(openFile(path, request));
  }
});

/** From the version before, see `makeRoom`. */
worker.addEventListener("message", () => void worker.skipWaiting());

let isStarted = false;

/**
 * A browser ends this version, once it rests, for the new one that waits. A request that comes at that moment starts it
 * again, and Chromium ends it a second time only when it is asked to: else the new one waits for five minutes, as pages
 * look at the link every two seconds. Just after a request there is most time until the next.
 */
function makeRoom(): void {
  if (!isStarted) worker.registration.waiting?.postMessage("take over");
  isStarted = true;
}

/**
 * Requests to the service are timed: they do not wait for this worker where a browser can be told so. Chromium heeds it for
 * those of pages, not of their workers.
 */
function bypass(event: ExtendableEvent): void {
  const { addRoutes } = event as unknown as { addRoutes?: (rules: unknown) => Promise<void> };
  const { pathname } = new URL(worker.registration.scope);
  const paths = ["v2", "models", "samples"].map((folder) => `${pathname}${folder}/*`);
  const rules = paths.map((path) => ({ condition: { urlPattern: path }, source: "network" }));
  addRoutes?.call(event, rules).catch(() => {});
}

/** @throws when anything is missing, or there is no room: then there is no such version */
async function keepAll(): Promise<void> {
  try {
    const page = await get(PAGE, { cache: "no-cache" });
    if ((await hashOf(page.clone())) !== PAGE_HASH) throw new Error("the page is another one by now");
    // Not before: a version that cannot be there leaves no trace.
    const cache = await caches.open(CACHE);
    await cache.put(PAGE, page);
    for (const path of FILES)
      await keep(cache, path, { cache: isNamedByHash(path) ? "default" : "no-cache" });
    const here = { cache: "only-if-cached", mode: "same-origin" } as const;
    for (const path of SOME_FILES) await keep(cache, path, here).catch(() => {});
  } catch (thrown) {
    await caches.delete(CACHE);
    throw thrown;
  }
}

async function keep(cache: Cache, path: string, how: RequestInit): Promise<void> {
  // What another version has under this name is the same.
  const same = isNamedByHash(path) ? await caches.match(addressOf(path)) : undefined;
  await cache.put(addressOf(path), same ?? (await get(path, how)));
}

async function get(path: string, how: RequestInit): Promise<Response> {
  const response = await fetch(addressOf(path), how);
  if (response.ok) return response;
  throw new Error(`${path}: got HTTP ${response.status}`);
}

function isNamedByHash(path: string): boolean {
  return path.startsWith("assets/");
}

async function openPage(request: Request): Promise<Response> {
  const kept = (await caches.open(CACHE)).match(PAGE);
  const asked = fetch(request).then((response) => {
    if (response.status >= 500) throw new Error(`HTTP ${response.status}`);
    return response;
  });
  asked.catch(() => {}); // It may come when nobody waits any more.
  try {
    return await Promise.race([asked, late()]);
  } catch {
    return (await kept) ?? asked;
  }
}

/** Another app shares a photo: the page takes it from its place, and answers it. It is never sent as it came. */
async function takeShared(request: Request): Promise<Response> {
  const photo = (await request.formData()).get("photo");
  if (photo instanceof File) await (await caches.open(SHARED)).put(addressOf(SHARED), new Response(photo));
  return Response.redirect(addressOf(`./?${SHARED}`), 303);
}

function late(): Promise<never> {
  return new Promise((_, reject) => setTimeout(() => reject(new Error("late")), PATIENCE_MS));
}

/** What was taken away from here, or was not wanted before, is kept when it comes by. */
async function openFile(path: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = (await cache.match(addressOf(path))) ?? (await caches.match(addressOf(path)));
  if (kept !== undefined) return kept;
  const response = await fetch(request);
  const isOurs = FILES.includes(path) || SOME_FILES.includes(path);
  if (isOurs && response.status === 200) await cache.put(addressOf(path), response.clone()).catch(() => {});
  return response;
}

function addressOf(path: string): string {
  return new URL(path, worker.registration.scope).href;
}

/** Below the page's folder, without a query; null outside of it. */
function pathOf(address: string): string | null {
  const { origin, pathname } = new URL(address);
  const scope = new URL(worker.registration.scope);
  if (origin !== scope.origin || !pathname.startsWith(scope.pathname)) return null;
  return pathname.slice(scope.pathname.length);
}

async function hashOf(response: Response): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await response.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
