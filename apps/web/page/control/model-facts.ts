import { toEddiError } from "#shared/errors";
import { fetchJson } from "../../service/fetch-file.ts";
import type { Service } from "../../service/service.ts";
import type { ModelFacts } from "../words/model-words.ts";

/** Null where the service cannot be asked, or is one that does not tell. */
export async function modelFacts(service: Service, id: string): Promise<ModelFacts | null> {
  try {
    const told = await fetchJson(service, `/v2/models/${encodeURIComponent(id)}`);
    const { parameters } = told as {
      readonly parameters: {
        readonly exits: ModelFacts["exits"];
        readonly weight_bytes?: number;
        readonly classes?: number;
        readonly first_classes?: readonly string[];
      };
    };
    const { exits, weight_bytes: weightBytes, classes, first_classes: firstClasses } = parameters;
    if (weightBytes === undefined || classes === undefined || firstClasses === undefined) return null;
    return { weightBytes, exits, classes, firstClasses };
  } catch (thrown) {
    console.warn(`${id}: ${toEddiError(thrown).message}`);
    return null;
  }
}
