import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright";
import { findPhotoFolder } from "../data/find-data.ts";
import { ROOT } from "../rig/service.ts";
import type { DemoPhoto } from "./run-demo.ts";

/** Where the data set lies when the project is developed among its siblings. */
const BESIDE = join(ROOT, "../shared/data");

/**
 * The data set's folder: what is named by option or EDDI_DATA, else what was downloaded or lies beside the
 * project; null where there is none.
 *
 * @throws EddiError as `findPhotoFolder`
 */
export async function findPhotos(dataOption?: string): Promise<string | null> {
  const { env } = process;
  const found = await findPhotoFolder({ dataOption, env });
  return found ?? (existsSync(BESIDE) ? await findPhotoFolder({ dataOption: BESIDE, env }) : null);
}

/** A validation photo as the service offers it. */
export interface Sample {
  /** Below the service's address. */
  readonly url: string;
  readonly label: string;
}

/** Validation photos spread over the classes, the same ones each time; none without a data set. */
export async function listSamples(serviceUrl: string, count: number): Promise<Sample[]> {
  const response = await fetch(`${serviceUrl}/samples/index.json`);
  const { photos } = (await response.json()) as { photos: Sample[] };
  return photos.slice(0, count);
}

export async function fetchSample(serviceUrl: string, { url, label }: Sample): Promise<DemoPhoto> {
  const bytes = await (await fetch(serviceUrl + url)).arrayBuffer();
  return { name: url, label, file: Buffer.from(bytes).toString("base64") };
}

/** What the page draws itself where there are no photos, read off the page, over and over up to `count`. */
export async function readDrawings(page: Page, count: number): Promise<DemoPhoto[]> {
  await page.locator(".samples:not([aria-busy]) img").first().waitFor();
  const drawings = (await page.evaluate(READ_DRAWINGS)) as DemoPhoto[];
  return Array.from({ length: count }, (_, at) => drawings[at % drawings.length]!);
}

/** Runs in the page. */
const READ_DRAWINGS = `Promise.all([...document.querySelectorAll(".samples img")].map(async (img) => {
  img.loading = "eager";
  await img.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: 256, height: 256 });
  canvas.getContext("2d").drawImage(img, 0, 0, 256, 256);
  return { name: img.alt, label: img.alt.replace("drawing: ", ""), file: canvas.toDataURL("image/png").split(",")[1] };
}))`;
