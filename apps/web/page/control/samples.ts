import { EddiError, toEddiError } from "#shared/errors";
import { receive } from "../../service/receive.ts";
import type { Service } from "../../service/service.ts";
import type { Drawing } from "../../talk/drawings.ts";
import { calmly } from "./calmly.ts";
import { type Sample, samples } from "./store.ts";

const MOST = 24;

/**
 * The model's own photos, else validation photos, where the service has them; else drawings of our own.
 *
 * @param model the model that is opened
 */
export async function loadSamples(service: Service, model: Promise<string>): Promise<void> {
  const photos = await fetchPhotos(service, await model.catch(() => null));
  if (photos.length > 0) {
    samples.value = { source: "photos", items: photos.slice(0, MOST), isWhole: true };
    return;
  }
  showDrawings();
}

/** One after the other, as they are drawn. The page does without those that are not. */
function showDrawings(): void {
  const worker = new Worker(new URL("../../drawings/worker.ts", import.meta.url), { type: "module" });
  let items: readonly Sample[] = [];
  const show = calmly((isWhole: boolean) => {
    samples.value = { source: "drawings", items, isWhole };
  });
  const end = (): void => {
    worker.terminate();
    show(true);
  };
  worker.onerror = end;
  worker.onmessage = ({ data }: MessageEvent<Drawing | null>) => {
    if (data === null) return end();
    items = [...items, data];
    show(false);
  };
}

/** The file of a sample. @throws EddiError `unavailable` */
export async function fetchSample(
  { traffic }: Service,
  { url, label }: Sample,
  signal: AbortSignal,
): Promise<Blob> {
  try {
    const init = { signal };
    const { response, chunks } = await receive(url, { init, traffic, fetch: (...asked) => fetch(...asked) });
    const { ok, status, headers } = response;
    if (!ok) throw new EddiError("unavailable", `${url}: got HTTP ${status}`);
    return new Blob(chunks as Uint8Array<ArrayBuffer>[], { type: headers.get("content-type") ?? "" });
  } catch (thrown) {
    throw new EddiError("unavailable", `sample ${label}: ${toEddiError(thrown).message}`, { cause: thrown });
  }
}

async function fetchPhotos(service: Service, model: string | null): Promise<readonly Sample[]> {
  const query = model === null ? "" : `?model=${encodeURIComponent(model)}`;
  try {
    const response = await fetch(service.url(`/samples/index.json${query}`));
    if (!response.ok) return [];
    const { photos } = (await response.json()) as { readonly photos?: readonly Sample[] };
    return (photos ?? []).map((photo) => ({ ...photo, url: service.url(photo.url).href }));
  } catch {
    return []; // No service, no photos: the page says elsewhere that it is down.
  }
}
