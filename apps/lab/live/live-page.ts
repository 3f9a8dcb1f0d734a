import type { BrowserContext, Page } from "playwright";
import { EddiError } from "#shared/errors";
import type { Plan } from "#shared/model";

/** What is read of an answer of the page. */
export interface LiveAnswer {
  readonly totalMs: number;
  readonly label: string;
  readonly exit: string;
  readonly source: "edge" | "cloud" | "fallback";
  readonly stages: Readonly<Record<string, number>>;
  /** By the page's clock since `origin`. */
  readonly startMs: number;
}

export interface LivePageOptions {
  readonly url: string;
  readonly model: string;
  readonly slowdown: number;
  readonly budgetMs: number;
  /** By `?planner=`; null for the page's own. */
  readonly planner: string | null;
}

/** One policy's page: the real one, in a tab of its own. */
export class LivePage {
  private readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  /** @throws EddiError `unavailable` when the page does not know the planner */
  static async open(context: BrowserContext, options: LivePageOptions): Promise<LivePage> {
    const { url, model, slowdown, budgetMs, planner } = options;
    const page = await context.newPage();
    const query = new URLSearchParams({
      model,
      slowdown: `${slowdown}`,
      budget: `${budgetMs}`,
      backend: "wasm",
      // Stored profiles: what the simulator goes by.
      profile: "off",
      ...(planner === null ? {} : { planner }),
    });
    await page.goto(`${url}/?${query}`);
    await page.evaluate("eddi.ready.then(() => eddi.settle())");
    // A headless browser draws in software, on the cores that are to compute; a phone does not.
    await page.addStyleTag({ content: "main { display: none }" });
    const live = new LivePage(page);
    await live.look(false);
    return live;
  }

  /** Whether the page takes `?planner=`: one that does refuses a planner that there is not. */
  static async takesPlanners(context: BrowserContext, url: string): Promise<boolean> {
    const page = await context.newPage();
    await page.goto(`${url}/?planner=no-such-planner`);
    await page.evaluate("eddi.ready");
    const told = await page.locator("body").innerText();
    await page.close();
    return told.includes("?planner=no-such-planner");
  }

  /** Hands over the model's inputs once, so that nothing of it happens while answers are timed. */
  async keep(inputs: readonly Float32Array[]): Promise<void> {
    await this.page.evaluate(
      (coded) => {
        const photos = coded.map((text) => {
          const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
          return new Float32Array(bytes.buffer);
        });
        Object.assign(globalThis, { photos });
      },
      inputs.map((values) =>
        Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64"),
      ),
    );
  }

  /** While nobody looks the page does not probe. */
  async look(isVisible: boolean): Promise<void> {
    await this.page.evaluate(`eddi.setVisible(${isVisible})`);
  }

  /** @param plan instead of the page's own */
  async answer(photo: number, plan: Plan | null): Promise<LiveAnswer> {
    return this.page.evaluate(ANSWER, [photo, plan] as const) as Promise<LiveAnswer>;
  }
}

/** Runs in the page. */
const ANSWER = async ([photo, plan]: readonly [number, Plan | null]): Promise<LiveAnswer> => {
  const { eddi, photos } = globalThis as unknown as PageGlobals;
  const startMs = performance.timeOrigin + performance.now();
  const given = plan === null ? {} : { plan };
  const { totalMs, label, exit, source, stages } = await eddi.answer(photos[photo]!.slice(), given);
  return { totalMs, label, exit, source, stages: { ...stages }, startMs };
};

interface PageGlobals {
  readonly photos: readonly Float32Array[];
  readonly eddi: { answer(values: Float32Array, options: object): Promise<Omit<LiveAnswer, "startMs">> };
}

/** @throws EddiError `bad-argument` */
export function expectPlanners(takes: boolean, wanted: readonly string[]): void {
  if (takes || wanted.length === 0) return;
  throw new EddiError(
    "bad-argument",
    `--policies: expected policies whose plan never changes, since this page takes no ?planner=, got ${wanted.join(", ")}`,
  );
}
