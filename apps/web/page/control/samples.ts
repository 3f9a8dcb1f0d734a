import { serviceUrl } from "../../service/service-url.ts";
import { drawings } from "./drawings.ts";
import { type Sample, samples } from "./store.ts";

const MOST = 24;

/** Validation photos where the service has them, else drawings of our own. */
export async function loadSamples(): Promise<void> {
  const photos = await fetchPhotos();
  samples.value =
    photos.length > 0
      ? { source: "photos", items: photos.slice(0, MOST) }
      : { source: "drawings", items: await drawings() };
}

async function fetchPhotos(): Promise<readonly Sample[]> {
  try {
    const response = await fetch(serviceUrl("/samples/index.json"));
    if (!response.ok) return [];
    const { photos } = (await response.json()) as { readonly photos?: readonly Sample[] };
    return (photos ?? []).map((photo) => ({ ...photo, url: serviceUrl(photo.url).href }));
  } catch {
    return []; // No service, no photos: the page says elsewhere that it is down.
  }
}
