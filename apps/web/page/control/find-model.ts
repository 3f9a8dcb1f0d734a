import { toEddiError } from "#shared/errors";
import { within } from "../../talk/within.ts";
import { askedModel, chooseModel, offered } from "../settings/choose-model.ts";
import * as store from "./store.ts";

/** A model that the address names is opened without the service's word after so long: the browser may have kept it. */
const INDEX_MS = 3000;

/**
 * The model to open, which is shown from then on: the one that the address names, else the service's best.
 *
 * @param asked by the address; null when it names none
 * @param names of the service's models
 * @param kept names of those that the browser keeps, which do where the service cannot be asked
 * @throws EddiError `unavailable` when there is none, or the service cannot be asked and the address names none
 */
export async function findModel(
  asked: string | null,
  names: Promise<readonly string[]>,
  kept: () => Promise<readonly string[]>,
): Promise<string> {
  names.then((found) => (store.models.value = offered(found))).catch(() => {});
  const id = asked === null ? chooseModel(await known(names, kept)) : await existing(asked, names);
  store.modelId.value = id;
  return id;
}

/** Where the service has none of that name it is another one, and that is said. */
async function existing(asked: string, names: Promise<readonly string[]>): Promise<string> {
  const known = await within(INDEX_MS, "the service's models", names).catch(() => null);
  const { id, problem } = askedModel(asked, known);
  if (problem !== null) store.showProblem(problem);
  return id;
}

async function known(
  names: Promise<readonly string[]>,
  kept: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  try {
    return await within(INDEX_MS, "the service's models", names);
  } catch (thrown) {
    const found = await kept();
    if (found.length > 0) return found;
    // Then there is nothing but to wait for the service.
    return toEddiError(thrown).code === "timeout" ? names : Promise.reject(thrown);
  }
}
