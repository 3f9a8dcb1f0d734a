import { setTimeout as sleep } from "node:timers/promises";
import { allCloud, allEdge, type Plan } from "#shared/model";
import { FIRST_GUESS } from "#shared/network";
import { plannerKind } from "#shared/planning";
import { POLICIES, type PolicyName, sensesOf } from "#shared/policies";
import { openBrowser } from "../rig/phone.ts";
import { Service } from "../rig/service.ts";
import { ShapingProxy } from "../rig/shaping-proxy.ts";
import type { Subject } from "../simulate/set-up/subject.ts";
import { type LiveRow, liveRow } from "./compare-live.ts";
import type { LiveLink } from "./conditions.ts";
import { expectPlanners, type LiveAnswer, LivePage } from "./live-page.ts";
import type { LivePhotos } from "./live-photos.ts";
import { predict } from "./predict.ts";
import { measureRig, type RigWorld } from "./rig-world.ts";

export interface LiveOptions {
  readonly subject: Subject;
  readonly photos: LivePhotos;
  readonly links: readonly LiveLink[];
  readonly policies: readonly string[];
  readonly slowdown: number;
  readonly budgetMs: number;
  readonly onProgress: (text: string) => void;
}

/** While pages open and the rig is measured. */
const FAST = { rttMs: 4, uplink: 200e6, downlink: 400e6 } as const;
/** A page looks so long before its photo comes, and measures the link. */
const LOOK_MS = 3000;

/**
 * Lets policies answer the same photos in turn, each with the real page in a tab of its own, over one shaped link to the
 * real service; and asks the simulator for the same.
 */
export async function runLive(
  options: LiveOptions,
): Promise<{ readonly rigs: Readonly<Record<string, RigWorld>>; readonly rows: readonly LiveRow[] }> {
  const { subject, photos, links, policies, slowdown, budgetMs } = options;
  const service = await Service.start();
  const proxy = await ShapingProxy.start({ host: "127.0.0.1", port: service.port }, FAST);
  const browser = await openBrowser({ chromePath: process.env.CHROME_PATH || null });
  try {
    const url = `http://localhost:${proxy.port}`;
    const fixed = new Map(policies.map((name) => [name, fixedPlan(subject, name)]));
    const planned = policies.filter((name) => name !== "eddi" && fixed.get(name) === null);
    expectPlanners(planned.length > 0 && (await LivePage.takesPlanners(browser.context, url)), planned);
    const tabs: { readonly policy: string; readonly page: LivePage; readonly plan: Plan | null }[] = [];
    for (const policy of policies) {
      options.onProgress(`opening the page for ${policy}`);
      const planner = planned.includes(policy) ? policy : null;
      const model = subject.model.metadata.id;
      const page = await LivePage.open(browser.context, { url, model, slowdown, budgetMs, planner });
      await page.keep(photos.inputs);
      await warm(page, subject);
      tabs.push({ policy, page, plan: fixed.get(policy)! });
    }
    const rigs: Record<string, RigWorld> = {};
    for (const { policy, page } of tabs) {
      options.onProgress(`measuring page and service for ${policy}`);
      const fast = { rttMs: FAST.rttMs, uplinkBps: FAST.uplink };
      rigs[policy] = await measureRig(page, subject, fast, photos.numbers.length);
    }
    const rows: LiveRow[] = [];
    for (const link of links) {
      const told = new Map<string, LiveAnswer[]>(policies.map((policy) => [policy, []]));
      proxy.shape(link);
      const originMs = performance.timeOrigin + performance.now();
      for (const photo of photos.numbers.keys()) {
        for (const { policy, page, plan } of inTurn(tabs, photo)) {
          options.onProgress(`${link.name}: photo ${photo + 1} of ${photos.numbers.length}, ${policy}`);
          await page.look(true);
          await sleep(LOOK_MS);
          told.get(policy)!.push(await page.answer(photo, plan));
          await page.look(false);
        }
      }
      for (const { policy, plan } of tabs) {
        const answers = told.get(policy)!;
        const ms = answers.map(({ totalMs }) => totalMs);
        const live = {
          ms,
          inTime: ms.map((one) => one <= budgetMs),
          right: answers.map(({ label }, at) => label === photos.labels[at]),
        };
        const startsMs = answers.map(({ startMs }) => startMs - originMs);
        const same = {
          subject,
          rig: rigs[policy]!,
          link,
          startsMs,
          photos: photos.numbers,
          budgetMs,
          policy,
          isForced: plan !== null,
        };
        rows.push(liveRow(link.name, policy, live, await predict(same)));
      }
      proxy.shape(FAST);
    }
    return { rigs, rows };
  } finally {
    await browser.close();
    await proxy.close();
    await service.stop();
  }
}

/** The first answer of a page is slow, whatever answers it. */
async function warm(page: LivePage, { model }: Subject): Promise<void> {
  for (const { id } of model.metadata.exits)
    for (const plan of [allEdge(model, id), allCloud(model, id)]) await page.answer(0, plan);
}

/** Who comes first may find other things done. */
function inTurn<T>(all: readonly T[], turn: number): readonly T[] {
  const first = turn % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

/** The plan of a policy that measures nothing: always the same; null for others. */
function fixedPlan({ costs, model }: Subject, policy: string): Plan | null {
  if (!Object.hasOwn(POLICIES, policy) || sensesOf(policy as PolicyName) !== "nothing") return null;
  const planner = plannerKind(policy as PolicyName, { costs, policies: [] }).start();
  return planner.plan({
    conditions: FIRST_GUESS,
    budgetMs: 1000,
    minAccuracy: null,
    framesPerSecond: null,
    image: { ms: 0, sdMs: 0 },
    readyNodes: new Set(model.dag.names),
    cloudUp: true,
    previous: null,
  }).plan;
}
