import type { Page } from "playwright";
import type { ShapingProxy } from "../rig/shaping-proxy.ts";
import type { Network } from "./settings.ts";

/** A picture to classify, and what it shows. */
export interface DemoPhoto {
  readonly name: string;
  readonly label: string;
  /** The file in base64. */
  readonly file: string;
}

/** One network under one budget: the same photos in each. */
export interface DemoCell {
  readonly network: string;
  readonly budgetMs: number;
  readonly photos: number;
  readonly answers: readonly DemoAnswer[];
}

export interface DemoAnswer {
  readonly exit: string;
  readonly cut: readonly string[];
  readonly source: string;
  readonly correct: boolean;
  /** Null where nothing was known yet. */
  readonly predictedMs: number | null;
  readonly measuredMs: number;
}

export interface DemoOptions {
  /** The page, opened through the proxy. */
  readonly page: Page;
  readonly proxy: ShapingProxy;
  readonly networks: readonly Network[];
  readonly budgetsMs: readonly number[];
  readonly photos: readonly DemoPhoto[];
  readonly onCell: (cell: DemoCell) => void;
}

/** Answers that let the page learn the network before those that count. */
const WARM_UPS = 5;
/** And at the very beginning: browser and service compile their code as it is used. */
const FIRST_WARM_UPS = 20;

/** Classifies the photos under every budget on every network. An answer that fails is missing in its cell. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { page, proxy, networks, budgetsMs, photos } = options;
  const warmUp = async (count: number, budgetMs: number): Promise<void> => {
    for (let at = 0; at < count; at++) await answer(page, photos[at % photos.length]!, budgetMs);
  };
  await warmUp(FIRST_WARM_UPS, budgetsMs[0]!);
  for (const { name, shape } of networks) {
    proxy.shape(shape);
    for (const budgetMs of budgetsMs) {
      await page.evaluate(`eddi.setBudget(${budgetMs})`);
      await warmUp(WARM_UPS, budgetMs);
      // Weights that the plan wants come over the same network: the row shows what follows once they are there.
      await page.evaluate("eddi.settle()");
      const answers: DemoAnswer[] = [];
      for (const photo of photos) {
        const answered = await answer(page, photo, budgetMs);
        if (answered !== null) answers.push(answered);
      }
      options.onCell({ network: name, budgetMs, photos: photos.length, answers });
    }
  }
}

/** What the demo reads of the page's own interface, `globalThis.eddi`. */
interface PageGlobals {
  readonly eddi: {
    answer(
      image: Blob,
      options: { readonly budgetMs: number },
    ): Promise<{
      readonly label: string;
      readonly exit: string;
      readonly cut: readonly string[];
      readonly source: string;
      readonly prediction: { readonly totalMs: number } | null;
      readonly totalMs: number;
    }>;
  };
}

/** Null when there is no answer; why is told on the standard error. */
async function answer(page: Page, photo: DemoPhoto, budgetMs: number): Promise<DemoAnswer | null> {
  try {
    const came = await page.evaluate(
      async ([file, budget]) => {
        const image = new Blob([Uint8Array.from(atob(file), (char) => char.charCodeAt(0))]);
        const { label, exit, cut, source, prediction, totalMs } = await (
          globalThis as unknown as PageGlobals
        ).eddi.answer(image, { budgetMs: budget });
        return { label, exit, cut, source, predictedMs: prediction?.totalMs ?? null, measuredMs: totalMs };
      },
      [photo.file, budgetMs] as const,
    );
    return { ...came, correct: came.label === photo.label };
  } catch (error) {
    process.stderr.write(`${photo.name}: no answer: ${(error as Error).message}\n`);
    return null;
  }
}
