import type { Draw, DrawnBackend } from "../../simulate/population/draw.ts";

type Change = (draw: Draw) => Draw;

/** What of the population is weakest, as POPULATION.md says, made otherwise. */
export interface Assumption {
  readonly name: string;
  /** A user's conditions under it. */
  readonly change?: Change;
  /** How many times as much a user of a radio counts. */
  readonly weightOf?: (radio: string) => number;
}

export const ASSUMPTIONS: readonly Assumption[] = [
  { name: "think times a quarter", change: withThinkTimes(0.25) },
  { name: "think times four times", change: withThinkTimes(4) },
  { name: "budgets halved", change: withBudgets(0.5) },
  { name: "budgets doubled", change: withBudgets(2) },
  { name: "cellular counts twice", weightOf: (radio) => (radio.startsWith("wifi") ? 1 : 2) },
  {
    name: "home uplinks halved",
    change: withLink(isHome, ({ uplinkBps }) => ({ uplinkBps: uplinkBps / 2 })),
  },
  { name: "RTT of poor links doubled", change: withLink(isPoor, ({ rttMs }) => ({ rttMs: 2 * rttMs })) },
  { name: "no GPU is usable", change: withEdge(isAny, null, (webgpu) => ({ ...webgpu, isUsable: false })) },
  { name: "GPUs twice as fast", change: withEdge(isAny, null, (webgpu) => speeded(webgpu, 2)) },
  { name: "cheap phones half as fast", change: withEdge(isCheap, (wasm) => speeded(wasm, 0.5), null) },
  {
    name: "iPhones' WASM half as fast",
    change: withEdge(isPhoneOfApple, (wasm) => speeded(wasm, 0.5), null),
  },
  { name: "no phone gets hot", change: withEdge(isAny, cool, cool) },
  {
    name: "clouds twice as busy",
    change: withCloud(({ utilisation }) => ({ utilisation: Math.min(0.95, 2 * utilisation) })),
  },
  {
    name: "clouds half as fast",
    change: withCloud(({ msPer100Mmac }) => ({ msPer100Mmac: 2 * msPer100Mmac })),
  },
];

/** @returns null for no such assumption */
export function assumptionNamed(name: string): Assumption | null {
  return ASSUMPTIONS.find((one) => one.name === name) ?? null;
}

function withThinkTimes(by: number): Change {
  return (draw) => {
    const { thinkS } = draw.use;
    if (thinkS === null) return draw;
    return {
      ...draw,
      use: { ...draw.use, thinkS: { p: thinkS.p, q: thinkS.q.map((seconds) => by * seconds) } },
    };
  };
}

function withBudgets(by: number): Change {
  return (draw) => ({ ...draw, use: { ...draw.use, budgetMs: by * draw.use.budgetMs } });
}

function withLink(
  isMeant: (draw: Draw) => boolean,
  change: (link: Draw["link"]) => Partial<Draw["link"]>,
): Change {
  return (draw) => (isMeant(draw) ? { ...draw, link: { ...draw.link, ...change(draw.link) } } : draw);
}

function withCloud(change: (cloud: Draw["cloud"]) => Partial<Draw["cloud"]>): Change {
  return (draw) => ({ ...draw, cloud: { ...draw.cloud, ...change(draw.cloud) } });
}

type Webgpu = Draw["edge"]["webgpu"];

function withEdge(
  isMeant: (draw: Draw) => boolean,
  wasm: ((backend: DrawnBackend) => DrawnBackend) | null,
  webgpu: ((backend: Webgpu) => Webgpu) | null,
): Change {
  return (draw) => {
    if (!isMeant(draw)) return draw;
    const { edge } = draw;
    return {
      ...draw,
      edge: { ...edge, wasm: wasm?.(edge.wasm) ?? edge.wasm, webgpu: webgpu?.(edge.webgpu) ?? edge.webgpu },
    };
  };
}

function speeded<Backend extends DrawnBackend>(backend: Backend, by: number): Backend {
  return { ...backend, msPer100Mmac: backend.msPer100Mmac / by };
}

function cool<Backend extends DrawnBackend>(backend: Backend): Backend {
  return { ...backend, slowdown: 1 };
}

function isAny(): boolean {
  return true;
}

function isHome({ link }: Draw): boolean {
  return link.radio === "wifi-home";
}

function isPoor({ link }: Draw): boolean {
  return link.radio === "4g-poor" || link.radio === "3g-or-edge";
}

function isCheap({ edge }: Draw): boolean {
  return ["android-mid-4g5g", "android-low", "android-old"].includes(edge.device);
}

function isPhoneOfApple({ edge }: Draw): boolean {
  return edge.device.startsWith("ios");
}
