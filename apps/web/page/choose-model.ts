import { EddiError } from "#shared/errors";
import { NEEDS_KEY, serviceFetch } from "../link/service-fetch.ts";

/** Small models for tests: taken only when there is no other. */
const TEST_MODELS: readonly string[] = ["tiny"];

/** What the page opens with where the service has it. */
const FLAGSHIP = "resnet-imagenette";

/**
 * The model to show when the address names none: the flagship, else the first that the service has, or is loading.
 *
 * @throws EddiError `unavailable` when the service has none or cannot be reached; `unauthorized` without its key
 */
export async function chooseModel(): Promise<string> {
  const names = await fetchIndex();
  const name =
    names.find((candidate) => candidate === FLAGSHIP) ??
    names.find((candidate) => !TEST_MODELS.includes(candidate)) ??
    names[0];
  if (name !== undefined) return name;
  throw new EddiError("unavailable", "the service has no model; run `npm run lab -- train` first");
}

async function fetchIndex(): Promise<readonly string[]> {
  const url = "/v2/repository/index";
  try {
    const response = await serviceFetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    if (response.status === 401) throw new EddiError("unauthorized", NEEDS_KEY);
    if (!response.ok) throw new EddiError("unavailable", `HTTP ${response.status}`);
    const index = (await response.json()) as readonly { readonly name: string; readonly state: string }[];
    return index.filter(({ state }) => state !== "UNAVAILABLE").map(({ name }) => name);
  } catch (cause) {
    if (cause instanceof EddiError && cause.code === "unauthorized") throw cause;
    const came = (cause as Error).message;
    throw new EddiError("unavailable", `${url}: expected the service's models, got: ${came}`, { cause });
  }
}
