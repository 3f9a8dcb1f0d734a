import { EddiError } from "#shared/errors";

/** Small models for tests: taken only when there is no other. */
const TEST_MODELS: readonly string[] = ["tiny"];

/** What the page opens with where the service has it. */
const FLAGSHIP = "resnet-imagenette";

/**
 * The model to show when the address names none: the flagship, else the first.
 *
 * @param names of the service's models
 * @throws EddiError `unavailable` when there is none
 */
export function chooseModel(names: readonly string[]): string {
  const name = names.find((candidate) => candidate === FLAGSHIP) ?? offered(names)[0] ?? names[0];
  if (name !== undefined) return name;
  throw new EddiError("unavailable", "the service has no model; run `npm run lab -- train` first");
}

/**
 * The model that the address asks for, where the service has it.
 *
 * @param names of the service's models; null when it cannot be asked: the browser may have kept the model
 * @returns what to show, and what to say when that is another one
 * @throws EddiError `unavailable` when there is none
 */
export function askedModel(
  asked: string,
  names: readonly string[] | null,
): { readonly id: string; readonly problem: string | null } {
  if (names === null || names.includes(asked)) return { id: asked, problem: null };
  const id = chooseModel(names);
  return { id, problem: `?model=${asked}: expected one of ${names.join(", ")}; ${id} is shown` };
}

/** The models that a user may want to choose from. */
export function offered(names: readonly string[]): readonly string[] {
  return names.filter((name) => !TEST_MODELS.includes(name));
}

/** The page's own address with another model. */
export function addressFor(model: string, address: string): string {
  const url = new URL(address);
  url.searchParams.set("model", model);
  return url.href;
}
