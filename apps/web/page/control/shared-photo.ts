import type { Service } from "../../service/service.ts";

/** Where the service worker puts a photo that another app shares, and how it opens the page then. */
const SHARED = "eddi-shared";

/**
 * A photo that another app has shared, when the page was opened for it. It is taken out of its place and the address out
 * of the history, so that it is answered once.
 */
export async function takeSharedPhoto(service: Service): Promise<Blob | null> {
  const address = new URL(location.href);
  if (!address.searchParams.has(SHARED)) return null;
  address.searchParams.delete(SHARED);
  history.replaceState(null, "", address);
  try {
    const place = await caches.open(SHARED);
    const photo = await place.match(service.url(SHARED));
    await caches.delete(SHARED);
    return (await photo?.blob()) ?? null;
  } catch {
    return null;
  }
}
