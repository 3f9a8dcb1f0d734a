import { readFile } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import { type ExitCosts, exitCosts, type WireMode } from "#shared/evaluator";
import type { Model } from "#shared/model";
import { analyticProfile, type Profile, type Role, readProfile } from "#shared/profile";

/** The costs of a model's exits, and from which profiles: names of files, or `analytic`. */
export interface ModelCosts {
  readonly exits: readonly ExitCosts[];
  readonly head: string;
  readonly tail: string;
}

/**
 * The costs of a model with the profiles in its folder: heads on WASM, as every browser runs them, and tails on
 * the native backend, else on WASM. Where none is stored, times are in proportion to each node's work.
 *
 * @param modes ways to choose codecs; all there are if not given
 * @throws EddiError `bad-profile` when a stored profile is not one of this model
 */
export async function modelCosts(
  folder: string,
  model: Model,
  modes?: readonly WireMode[],
): Promise<ModelCosts> {
  const { head, tail } = await modelProfiles(folder, model);
  const options = { codec: null, ...(modes === undefined ? {} : { modes }) };
  return { exits: exitCosts(model, head.profile, tail.profile, options), head: head.file, tail: tail.file };
}

/** A profile, and where it was found: a file's name, or `analytic`. */
export interface StoredProfile {
  readonly profile: Profile;
  readonly file: string;
}

/** The profiles that these costs are made of. */
export async function modelProfiles(
  folder: string,
  model: Model,
): Promise<{ readonly head: StoredProfile; readonly tail: StoredProfile }> {
  const head = await storedProfile(folder, ["head-wasm"]);
  const tail = await storedProfile(folder, ["tail-native", "tail-wasm"]);
  const analytic = (role: Role, unitsPerMs: number): StoredProfile => ({
    profile: analyticProfile(model, role, unitsPerMs, 0),
    file: "analytic",
  });
  return {
    head: head ?? analytic("head", EDGE_UNITS_PER_MS),
    tail: tail ?? analytic("tail", CLOUD_UNITS_PER_MS),
  };
}

/** Work units (`workUnits`) that a phone's browser and one core with TensorFlow's library do, about. */
const EDGE_UNITS_PER_MS = 1e6;
const CLOUD_UNITS_PER_MS = 10e6;

async function storedProfile(folder: string, names: readonly string[]): Promise<StoredProfile | null> {
  for (const name of names) {
    const file = `${name}.json`;
    const text = await readFile(path.join(folder, "profiles", file), "utf8").catch(() => null);
    if (text !== null) return { profile: readProfile(parse(text, file)), file };
  }
  return null;
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EddiError("bad-profile", `${file}: expected JSON, got ${text.length} other characters`, {
      cause,
    });
  }
}
