import { EddiError } from "#shared/errors";
import { NEEDS_KEY } from "../service/fetch-file.ts";
import { Service } from "../service/service.ts";
import { checkAddress, type ServiceOptions } from "./options.ts";

const PATH = "/v2/repository/index";

/**
 * Names of the models that a service has, or is loading.
 *
 * @param given a client's options, of which these are two, or another record with them
 * @throws EddiError `unavailable` when it cannot be reached; `unauthorized` without its key; `bad-argument`
 */
export async function listModels({ baseUrl, key }: ServiceOptions): Promise<readonly string[]> {
  const service = new Service(checkAddress({ baseUrl, key }));
  try {
    const response = await service.fetch(PATH, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    if (response.status === 401) throw new EddiError("unauthorized", NEEDS_KEY);
    if (!response.ok) throw new EddiError("unavailable", `HTTP ${response.status}`);
    const index = (await response.json()) as readonly { readonly name: string; readonly state: string }[];
    const usable = index.filter(({ state }) => state !== "UNAVAILABLE");
    // A model has a line for each of its versions.
    return [...new Set(usable.map(({ name }) => name))];
  } catch (cause) {
    if (cause instanceof EddiError && cause.code === "unauthorized") throw cause;
    const came = (cause as Error).message;
    throw new EddiError("unavailable", `${PATH}: expected the service's models, got: ${came}`, { cause });
  }
}
