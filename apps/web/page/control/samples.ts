import { EddiError, toEddiError } from "#shared/errors";
import { receive } from "../../service/receive.ts";
import type { Service } from "../../service/service.ts";
import type { Drawing } from "../../talk/drawings.ts";
import { calmly } from "./calmly.ts";
import { type OtherSamples, type Sample, samples } from "./store.ts";

const MOST = 24;

/**
 * The model's own photos, else validation photos, where the service has them; else drawings of our own.
 *
 * @param model the model that is opened
 */
export async function loadSamples(service: Service, model: Promise<string>): Promise<void> {
  const { photos, others } = await fetchIndex(service, await model.catch(() => null));
  if (photos.length > 0) {
    samples.value = { source: "photos", items: photos.slice(0, MOST), others, isWhole: true };
    return;
  }
  showDrawings(others);
}

/** One after the other, as they are drawn. The page does without those that are not. */
function showDrawings(others: readonly OtherSamples[]): void {
  const worker = new Worker(new URL("../../drawings/worker.ts", import.meta.url), { type: "module" });
  let items: readonly Sample[] = [];
  const show = calmly((isWhole: boolean) => {
    samples.value = { source: "drawings", items, others, isWhole };
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

/** Pictures that the service has. */
interface Index {
  readonly photos: readonly Sample[];
  readonly others: readonly OtherSamples[];
}

async function fetchIndex(service: Service, model: string | null): Promise<Index> {
  const query = model === null ? "" : `?model=${encodeURIComponent(model)}`;
  try {
    const response = await fetch(service.url(`/samples/index.json${query}`));
    if (!response.ok) return NOTHING;
    const { photos = [], others = [] } = (await response.json()) as Partial<Index>;
    const whole = <T extends { readonly url: string }>(one: T): T => ({
      ...one,
      url: service.url(one.url).href,
    });
    return { photos: photos.map(whole), others: others.map(whole) };
  } catch {
    return NOTHING; // No service, no photos: the page says elsewhere that it is down.
  }
}

const NOTHING: Index = { photos: [], others: [] };
