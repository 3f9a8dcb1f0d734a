import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, devices, type LaunchOptions, type Page } from "playwright";

/** One WebGPU adapter on every machine, with or without a GPU: SwiftShader. */
export const SOFTWARE_WEBGPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
/** A camera that shows a moving test picture, and no question whether it may be used. */
export const FAKE_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

/**
 * Of Chromium's features. Every new window loads pages of the browser itself ahead, for menus that nobody opens here: twice the
 * work of an empty page. Of several such flags the last one counts, so Playwright's own are among them.
 */
const DISABLED_FEATURES = [
  "PreloadTopChromeWebUI",
  "WebUIOmniboxAimPopup",
  "WebUIOmniboxPopup",
  // Playwright's.
  "AimEnabled",
  "AvoidCorsURLLoaderRestartOnRedirect",
  "AvoidUnnecessaryBeforeUnloadCheckSync",
  "DestroyProfileOnBrowserClose",
  "HttpsFirstBalancedModeAutoEnable",
  "HttpsUpgrades",
  "LensOverlay",
  "MediaRouter",
  "NetworkTimeServiceQuerying",
  "OptimizationHints",
  "PaintHolding",
  "PreconnectToSearch",
  "ThirdPartyStoragePartitioning",
];

const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  `--disable-features=${DISABLED_FEATURES}`,
];

/** So long may a click, or whatever it waits for, take on a busy machine. */
const ACTION_LIMIT_MS = 120_000;

/** Settings of a user who refuses all site data ("block all cookies"). */
export const NO_SITE_DATA = { profile: { default_content_setting_values: { cookies: 2 } } };

export interface Browser {
  readonly context: BrowserContext;
  readonly page: Page;
  close(): Promise<void>;
}

export interface BrowserOptions {
  /** Executable; null for Playwright's own download. */
  readonly chromePath: string | null;
  readonly flags?: readonly string[];
  /** The user's settings, as Chromium keeps them in its profile. */
  readonly preferences?: object;
  /** Whether pages may be kept for visits without a network; else each visit is a first one, and nothing is between. */
  readonly keepsPages?: boolean;
}

const { defaultBrowserType: _, ...PIXEL } = devices["Pixel 7"]!;
/** A visitor's screen, touch and name; each visit is a first one, and nothing stands between page and service. */
export const PHONE = { ...PIXEL, serviceWorkers: "block" } as const;

/** How Chromium is started: headless, but otherwise as people's. */
export function launchOptions(chromePath: string | null, flags: readonly string[]): LaunchOptions {
  return {
    ...(chromePath === null ? {} : { executablePath: chromePath }),
    ignoreDefaultArgs: ["--headless"],
    args: [...FLAGS, ...flags],
  };
}

/** Waits as long as a busy machine needs. */
export function patient(context: BrowserContext): BrowserContext {
  context.setDefaultTimeout(ACTION_LIMIT_MS);
  return context;
}

/** A fresh browser of the size of a phone, with nothing in its caches. */
export async function openBrowser(options: BrowserOptions): Promise<Browser> {
  const { chromePath, flags = [], preferences, keepsPages = false } = options;
  const folder = await mkdtemp(join(tmpdir(), "eddi-browser-"));
  if (preferences !== undefined) {
    await mkdir(join(folder, "Default"));
    await writeFile(join(folder, "Default", "Preferences"), JSON.stringify(preferences));
  }
  const settings = { ...PHONE, ...launchOptions(chromePath, flags) };
  const serviceWorkers = keepsPages ? "allow" : "block";
  const context = patient(await chromium.launchPersistentContext(folder, { ...settings, serviceWorkers }));
  const page = context.pages()[0] ?? (await context.newPage());
  return {
    context,
    page,
    close: async () => {
      await context.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
