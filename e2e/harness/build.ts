import buildService from "../../apps/cloud/testing/build-service.ts";
import { ensureBuilt } from "../../scripts/ensure.mjs";
import { copyFewModels } from "./models.ts";

/** Before the first test: page and service are what the sources say. */
export default async function build(): Promise<void> {
  await Promise.all([ensureBuilt(), buildService()]);
  copyFewModels();
}
