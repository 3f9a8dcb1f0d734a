import { toEddiError } from "#shared/errors";
import { fetchBytes, modelFileUrl } from "../service/fetch-file.ts";
import type { KeptModel } from "../service/kept-models.ts";
import type { Service } from "../service/service.ts";
import { within } from "../talk/within.ts";

/** The service may be there and not answer: a description that this browser keeps is taken then. */
const PATIENCE_MS = 3000;

/**
 * The model's description. It may change under its name (its shards never do), so the service is asked each
 * time; without the service the browser's copy is good enough.
 */
export async function fetchDescription(
  service: Service,
  modelId: string,
  kept: KeptModel,
): Promise<Uint8Array> {
  const url = modelFileUrl(modelId, "model.json");
  const asked = fetchBytes(service, url, { cache: "no-cache" });
  asked.catch(() => {}); // Whoever waits for it below hears of it.
  const before = await kept.description();
  try {
    return await (before === null ? asked : within(PATIENCE_MS, url, asked));
  } catch (thrown) {
    const { code } = toEddiError(thrown);
    if (code !== "unavailable" && code !== "timeout") throw thrown;
    return before ?? fetchBytes(service, url, { cache: "force-cache" });
  }
}
