import { EddiError, toEddiError } from "#shared/errors";
import type { Catalogue, Model } from "#shared/model";
import { catalogueOf, plainTails } from "#shared/profile";
import { modelPath } from "../service/model-path.ts";
import type { Service } from "../service/service.ts";

/** Triton's extension for tensors as bytes, as a server declares it. */
const BINARY = "binary_tensor_data";
/** Whoever has not told by then is asked again later. */
const PATIENCE_MS = 10_000;

type Asking = Pick<Service, "fetch">;

/**
 * Asks an Open Inference server what it has of a model: by Triton's index of its repository, or, where there is none or it
 * does not name the tails, whether each is ready.
 *
 * @throws EddiError `unavailable` where it cannot be reached or is not ready, `unauthorized`, `not-found` where it is no such
 *   server or has nothing of the model, `bad-frame` where what it tells of itself is none of the protocol
 */
export async function fetchCatalogue(server: Asking, model: Model): Promise<Catalogue> {
  const told = await ask(server, "/v2", {});
  if (!told.ok) throw refused("/v2", told.status);
  const metadata = (await jsonOf(told)) as { extensions?: unknown } | null;
  const extensions = metadata?.extensions ?? [];
  if (metadata === null || !Array.isArray(extensions)) {
    const expected = "cloud, /v2: expected an Open Inference server's metadata";
    throw new EddiError("bad-frame", `${expected}, got ${JSON.stringify(metadata)?.slice(0, 80)}`);
  }
  const tails = plainTails(model);
  const indexed = await readIndex(server);
  const has = tails.some(({ name }) => indexed.has(name)) ? indexed : await readyOnes(server, tails);
  if (has.size === 0) {
    const { id } = model.metadata;
    const expected = `expected tails of ${id} as lab export-onnx --repository writes them, such as ${tails[0]?.name}`;
    throw new EddiError("not-found", `cloud: ${expected}, got none`);
  }
  return catalogueOf(tails, (name) => has.has(name), extensions.includes(BINARY));
}

/** Names of models that are ready; none where the server has no such index. */
async function readIndex(server: Asking): Promise<ReadonlySet<string>> {
  const headers = { "content-type": "application/json" };
  const told = await ask(server, "/v2/repository/index", { method: "POST", headers, body: "{}" });
  const list = told.ok ? await jsonOf(told) : null;
  const entries = Array.isArray(list) ? (list as ({ name?: unknown; state?: unknown } | null)[]) : [];
  const ready = entries.filter((entry) => (entry?.state ?? "READY") === "READY");
  return new Set(ready.map((entry) => String(entry?.name)));
}

async function readyOnes(
  server: Asking,
  tails: readonly { readonly name: string }[],
): Promise<ReadonlySet<string>> {
  const names = await Promise.all(
    tails.map(async ({ name }) => {
      const told = await ask(server, `${modelPath(name)}/ready`, {});
      const { ready = true } = told.ok
        ? (((await jsonOf(told)) ?? {}) as { ready?: unknown })
        : { ready: false };
      return ready === true ? name : null;
    }),
  );
  return new Set(names.filter((name) => name !== null));
}

async function ask(server: Asking, path: string, init: RequestInit): Promise<Response> {
  try {
    return await server.fetch(path, { ...init, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (cause) {
    const came = toEddiError(cause).message;
    throw new EddiError("unavailable", `cloud, ${path}: expected an answer, got: ${came}`, { cause });
  }
}

/** Null where there is no body, or it is none. */
async function jsonOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

function refused(path: string, status: number): EddiError {
  const code =
    status === 401 || status === 403 ? "unauthorized" : status >= 500 ? "unavailable" : "not-found";
  return new EddiError(code, `cloud, ${path}: expected an Open Inference server, got HTTP ${status}`);
}
