import type { SavedVisit } from "#shared/planning";
import type { WhatRan } from "../../talk/edge.ts";
import { TEXTS } from "./texts.ts";

/** Of which model a visit was, and how much happened: `resnet-imagenette on webgpu: 12 photos, 80 decisions.` */
export function visitWords({ planning, answers, device }: SavedVisit): string {
  const { backend } = (device ?? {}) as { readonly backend?: unknown };
  const engine = typeof backend === "string" ? ` on ${backend}` : "";
  const simulated = planning.decisions.filter((one) => (one.simulated ?? null) !== null).length;
  const marked = simulated === 0 ? "" : `, ${simulated} of them in simulated conditions`;
  const photos = answers.length === 1 ? "1 photo" : `${answers.length} photos`;
  return `${planning.model}${engine}: ${photos}, ${planning.decisions.length} decisions${marked}.`;
}

/** Where a photo was answered, also of a model that is not known here. */
export function ranWords({ source, here, there }: Pick<WhatRan, "source" | "here" | "there">): string {
  if (source === "fallback") return TEXTS.inStead;
  if (there.length === 0) return TEXTS.onPhone;
  return TEXTS.ways[here.length === 0 ? "all-cloud" : "split"];
}
