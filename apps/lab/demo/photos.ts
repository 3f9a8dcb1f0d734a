import { existsSync } from "node:fs";
import { join } from "node:path";
import { findDataFolder } from "../data/find-data.ts";
import type { DemoPhoto } from "./run-demo.ts";
import { ROOT } from "./service.ts";

/** Where the data set lies when the project is developed among its siblings. */
const BESIDE = join(ROOT, "../shared/data");

/**
 * The data set's folder: what is named by option or EDDI_DATA, else what was downloaded or lies beside the
 * project; null where there is none.
 *
 * @throws EddiError as `findDataFolder`
 */
export async function findPhotos(dataOption?: string): Promise<string | null> {
  const { env } = process;
  const found = await findDataFolder({ dataOption, env });
  return found ?? (existsSync(BESIDE) ? await findDataFolder({ dataOption: BESIDE, env }) : null);
}

/** Validation photos as the service offers them, spread over the classes: the same ones each time. */
export async function samplePhotos(serviceUrl: string, count: number): Promise<DemoPhoto[]> {
  const response = await fetch(`${serviceUrl}/samples/index.json`);
  const { photos } = (await response.json()) as { photos: DemoPhoto[] };
  return photos.slice(0, count);
}
