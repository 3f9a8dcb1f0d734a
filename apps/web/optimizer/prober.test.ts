import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CloudWatch } from "#shared/learning";
import { conditionsOf, FIRST_GUESS, type Observation, observe, startNetwork } from "#shared/network";
import { Service } from "../service/service.ts";
import { DownloadWatch } from "./download-watch.ts";
import { Prober } from "./prober.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A link by the clock of the test. */
interface Link {
  rttMs: number;
  uplinkBps: number;
  /** What lies before a reply, in milliseconds; null: nothing gets through; "refused": nobody is there. */
  queueMs: number | null | "refused";
}

/** A prober on such a link. What it has learnt of it is followed as the optimizer does. */
function setUp(link: Link, takesUplink = true) {
  const cloud = new CloudWatch();
  const downloads = new DownloadWatch();
  const holds: boolean[] = [];
  const taught: Observation[] = [];
  let network = startNetwork(FIRST_GUESS);
  let asked = 0;
  vi.stubGlobal("fetch", (_: string, { body, signal }: RequestInit) => {
    asked++;
    return new Promise((answer, fail) => {
      signal?.addEventListener("abort", () => fail(signal.reason));
      const { rttMs, uplinkBps, queueMs } = link;
      if (queueMs === "refused") fail(new TypeError("Failed to fetch"));
      if (typeof queueMs !== "number") return;
      const bytes = 500 + ((body as Uint8Array | undefined)?.byteLength ?? 0);
      setTimeout(() => answer(new Response("{}")), rttMs + (8000 * bytes) / uplinkBps + queueMs);
    });
  });
  const prober = new Prober({
    service: new Service({ baseUrl: "http://service/", key: null }),
    cloud,
    conditions: () => conditionsOf(network),
    takesUplink,
    isSending: () => false,
    downloads,
    hold: (isHeld) => holds.push(isHeld),
    onProbed: (learnt) => {
      taught.push(...learnt);
      network = learnt.reduce(observe, network);
      if (cloud.state(performance.now()) === "down") prober.forget();
    },
  });
  return {
    prober,
    cloud,
    downloads,
    holds,
    taught,
    conditions: () => conditionsOf(network),
    asked: () => asked,
    state: () => cloud.state(performance.now()),
    /** A download begins, or has ended. */
    download: (isOn: boolean) => {
      downloads.set("edge", isOn, performance.now());
      if (!isOn) prober.downloadsChanged();
    },
    /** Time goes by while bytes of a download arrive. */
    arrive: async (ms: number) => {
      for (let at = 0; at < ms; at += 200) {
        downloads.heard(performance.now());
        cloud.heardOf();
        await vi.advanceTimersByTimeAsync(200);
      }
    },
  };
}

const slow = (): Link => ({ rttMs: 60, uplinkBps: 0.4e6, queueMs: 0 });

test("a slow link is told as it is, once probes have had it for themselves", async () => {
  const { prober, downloads, conditions, state } = setUp(slow());
  expect(downloads.isOn).toBe(false);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(state()).toBe("up");
  expect(prober.known).toEqual({ rtt: true, uplink: true });
  expect(conditions().rttMs / 60).toBeCloseTo(1, 0);
  expect(Math.abs(Math.log(conditions().uplinkBps / 0.4e6))).toBeLessThan(0.25);
});

test("where the cloud takes no uplink probes nothing waits for them", async () => {
  const { prober, asked } = setUp(slow(), false);
  const settled = prober.settle().then(() => performance.now());
  const startMs = performance.now();
  await vi.advanceTimersByTimeAsync(10_000);
  expect((await settled) - startMs).toBeLessThan(2000);
  expect(prober.known).toEqual({ rtt: true, uplink: false });
  expect(asked()).toBeGreaterThan(2);
});

test("while a download is on it is asked to wait, and probes wait for it", async () => {
  const { download, arrive, holds, asked, taught } = setUp(slow());
  download(true);
  await arrive(6000);
  expect(holds).toEqual([true]);
  expect(asked()).toBe(0);
  download(false);
  await vi.advanceTimersByTimeAsync(3000);
  expect(asked()).toBeGreaterThan(4);
  expect(holds.at(-1)).toBe(false);
  // All but the one under way.
  expect(taught.filter(({ kind }) => kind === "transfer").length).toBeGreaterThanOrEqual(asked() - 1);
});

test("a probe beside a download finds that the service lives, and tells nothing of the link", async () => {
  const link = slow();
  const { download, prober, state, taught, asked, arrive } = setUp(link);
  download(true);
  // It brings nothing for a while: is there anybody?
  link.queueMs = 1500;
  await vi.advanceTimersByTimeAsync(5000);
  expect(asked()).toBeGreaterThan(0);
  expect(state()).toBe("up");
  await arrive(4000);
  expect(taught.filter(({ kind }) => kind === "transfer" || kind === "silence")).toEqual([]);
  expect(prober.known).toEqual({ rtt: false, uplink: false });
});

test("a reply that is late behind bytes that arrive is no sign that the service is down", async () => {
  const link = slow();
  const { arrive, download, state } = setUp(link);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(state()).toBe("up");
  // Weights on the wire, of somebody who cannot wait.
  link.queueMs = 8000;
  for (let at = 0; at < 30; at++) {
    download(true);
    await arrive(1000);
    expect(state()).toBe("up");
  }
});

test("a service that is silent, or not there, is down soon, downloads or not", async () => {
  for (const queueMs of [null, "refused"] as const) {
    for (const isDownloading of [true, false]) {
      const link = slow();
      const { state, download, prober } = setUp(link);
      await vi.advanceTimersByTimeAsync(10_000);
      if (isDownloading) download(true);
      link.queueMs = queueMs;
      await vi.advanceTimersByTimeAsync(12_000);
      expect(state(), `${queueMs}, downloading ${isDownloading}`).toBe("down");
      expect(prober.known, "what was true before").toEqual({ rtt: false, uplink: false });
    }
  }
});

test("bytes that arrive end an outage, and the way is measured anew", async () => {
  const link = slow();
  const { state, prober, download, arrive, taught } = setUp(link);
  await vi.advanceTimersByTimeAsync(10_000);
  link.queueMs = null;
  await vi.advanceTimersByTimeAsync(12_000);
  expect(state()).toBe("down");
  link.queueMs = 0;
  taught.length = 0;
  download(true);
  await arrive(400);
  expect(state()).toBe("up");
  expect(prober.known.rtt).toBe(false);
  download(false);
  await vi.advanceTimersByTimeAsync(5000);
  expect(prober.known).toEqual({ rtt: true, uplink: true });
  expect(taught.length).toBeGreaterThan(3);
});

test("while scripts of our own are loading nobody is asked to wait, nor believed to be down", async () => {
  const link = slow();
  const { downloads, holds, state, prober } = setUp(link);
  downloads.set("start", true, performance.now());
  link.queueMs = 20_000;
  await vi.advanceTimersByTimeAsync(30_000);
  expect(holds.filter(Boolean)).toEqual([]);
  expect(state()).toBe("unknown");
  link.queueMs = 0;
  downloads.set("start", false, performance.now());
  await vi.advanceTimersByTimeAsync(10_000);
  expect(prober.known).toEqual({ rtt: true, uplink: true });
});
