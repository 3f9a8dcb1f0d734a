import { expect } from "@playwright/test";
import { type Random, randomFrom } from "#shared/random";
import { type Browser, openBrowser } from "../../apps/lab/rig/phone.ts";
import type { Answer, AskOptions, Client, ClientState } from "../../apps/web/client/index.ts";
import type { Noise } from "./models.ts";
import { openVisit } from "./shared-browser.ts";

declare global {
  /** The page's client. */
  var eddi: Client;
}

/** An answer as it comes out of the page. */
export type PlainAnswer = Omit<Answer, "scores"> & { readonly scores: readonly number[] };

declare global {
  /** The project's generator, in the page. */
  var makeRandom: (seed: number) => Random;
}

export interface AppOptions {
  /** Where the page comes from: the service, or a proxy before it. */
  readonly url: string;
  /** The page's own: model, backend, slowdown, codec, budget. */
  readonly parameters?: Readonly<Record<string, string | number>>;
  /** The key for a service that asks for one. */
  readonly key?: string;
  readonly flags?: readonly string[];
  /** The user's settings of the browser. */
  readonly preferences?: object;
  /** Whether the browser is its own: one that has lost a GPU's devices may give no more of them to others. */
  readonly isAlone?: boolean;
  /** Whether the browser may keep the page; it is its own then. */
  readonly keepsPages?: boolean;
  /** Whether the page is drawn, true if not given: where nobody looks, that takes longer than to compute many answers. */
  readonly isShown?: boolean;
  /** Called before the page is opened, for routes and listeners. */
  readonly before?: (browser: Browser) => Promise<unknown>;
  /** Whether to wait until the page says that it is ready; true if not given. */
  readonly wait?: boolean;
}

/** The page in a real browser, driven through `globalThis.eddi`. */
export interface App extends Browser {
  /** Answers a photo: a file's bytes, or an address for the page to fetch it from. */
  answer(photo: string | Buffer, options?: AskOptions): Promise<PlainAnswer>;
  /** Answers a photo so many times, one after the other. */
  answerAll(url: string, options: readonly AskOptions[]): Promise<PlainAnswer[]>;
  /** Answers random values as the model's input, the same for the same seed. */
  answerNoise(noise: Noise, options?: AskOptions): Promise<PlainAnswer>;
  /** Waits until weights, probes and plan have come to rest. */
  settle(): Promise<void>;
  /** What the client knows, and what the page says went wrong. */
  state(): Promise<ClientState & { readonly problems: readonly string[] }>;
}

/** Long enough for a busy machine to do anything; nobody waits for it to pass. */
export const GENEROUS_MS = 60_000;

/** The slider's greatest. */
const MOST_BUDGET_MS = 10_000;

export async function openApp(options: AppOptions): Promise<App> {
  const { flags = [], preferences, keepsPages = false } = options;
  const { isAlone = preferences !== undefined || keepsPages } = options;
  const chromePath = process.env.CHROME_PATH ?? null;
  const settings = { keepsPages, ...(preferences === undefined ? {} : { preferences }) };
  const browser = await (isAlone
    ? openBrowser({ chromePath, flags, ...settings })
    : openVisit(chromePath, flags));
  const { page } = browser;
  await page.addInitScript(`globalThis.makeRandom = ${randomFrom};`);
  if (options.isShown === false) await page.addInitScript(hide);
  await options.before?.(browser);
  // The slider's budget decides which weights are fetched.
  const parameters = Object.entries({ budget: MOST_BUDGET_MS, ...options.parameters });
  const query = new URLSearchParams(parameters.map(([name, value]) => [name, `${value}`]));
  const fragment = options.key === undefined ? "" : `#key=${options.key}`;
  await page.goto(`${options.url}/?${query}${fragment}`);
  if (options.wait !== false) await page.evaluate(() => globalThis.eddi.ready);
  return {
    ...browser,
    answer: (photo, answerOptions = {}) =>
      page.evaluate(
        async ([url, base64, given]) => {
          const blob =
            base64 === null
              ? await (await fetch(url!)).blob()
              : new Blob([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))]);
          const answer = await globalThis.eddi.answer(blob, given);
          return { ...answer, scores: [...answer.scores] };
        },
        [
          typeof photo === "string" ? photo : null,
          typeof photo === "string" ? null : photo.toString("base64"),
          { budgetMs: GENEROUS_MS, ...answerOptions },
        ] as const,
      ),
    answerAll: (url, options) =>
      page.evaluate(
        async ([address, asked, budgetMs]) => {
          const photo = await (await fetch(address)).blob();
          const answers = [];
          for (const one of asked) {
            const answer = await globalThis.eddi.answer(photo, { budgetMs, ...one });
            answers.push({ ...answer, scores: [...answer.scores] });
          }
          return answers;
        },
        [url, options, GENEROUS_MS] as const,
      ),
    answerNoise: (noise, answerOptions = {}) =>
      page.evaluate(
        async ([{ seed, count, range }, given]) => {
          // Made here: to pass so many numbers would keep this process, and a proxy in it, from its work.
          const random = globalThis.makeRandom(seed);
          const values = Float32Array.from(
            { length: count },
            () => range[0] + (range[1] - range[0]) * random(),
          );
          const answer = await globalThis.eddi.answer(values, given);
          return { ...answer, scores: [...answer.scores] };
        },
        [noise, { budgetMs: GENEROUS_MS, ...answerOptions }] as const,
      ),
    settle: () => page.evaluate(() => globalThis.eddi.settle()),
    state: () =>
      page.evaluate(() => {
        const told = document.querySelectorAll<HTMLElement>(".problems .text");
        return { ...globalThis.eddi.state(), problems: [...told].map(({ innerText }) => innerText) };
      }),
  };
}

/** Runs in the page before its own scripts, and shows nothing of it; its text is there. */
function hide(): void {
  document.addEventListener("DOMContentLoaded", () => {
    document.body.hidden = true;
  });
}

export function expectClose(scores: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(scores).toHaveLength(expected.length);
  const worst = scores.reduce((most, score, i) => Math.max(most, Math.abs(score - expected[i]!)), 0);
  // Written so that a NaN fails.
  expect(worst <= tolerance, `largest difference ${worst}, expected at most ${tolerance}`).toBe(true);
}

/** The index of the largest score. */
export function top1(scores: readonly number[]): number {
  return scores.indexOf(Math.max(...scores));
}
