import { codecWords } from "#shared/model";
import type { ModelSummary, WhatRan } from "../../talk/edge.ts";
import { formatBytes, formatOf100 } from "./format.ts";

/**
 * What happened to an image, in a line: `exit 3 of 4 (right in 66.2 of 100) · cut after stage2/block1/add · uint4 + deflate,
 * 1.3 kB sent`
 */
export function pathOf(ran: WhatRan, { exits, nodes }: ModelSummary): string {
  const position = exits.findIndex(({ id }) => id === ran.exit) + 1;
  const exit = `${exitName(position, exits.length)}${promiseOf(exits[position - 1])}`;
  if (ran.source === "edge") return `${exit} · all on this device · nothing sent`;
  const codecs = [...new Set(Object.values(ran.codecs).map(codecWords))].join(" and ");
  const sent = `${codecs === "" ? "" : `${codecs}, `}${formatBytes(ran.requestBytes)} sent`;
  if (ran.source === "fallback") return `${exit} · finished on this device · ${sent} in vain`;
  const isImage = ran.cut.length === 1 && ran.cut[0] === nodes[0]!.name;
  const where = isImage ? "all in the cloud" : `cut after ${ran.cut.join(" + ")}`;
  return `${exit} · ${where} · ${sent}`;
}

/** `exit1 was not sure: 0.62 of 0.90 · exit2 was sure: 0.97` */
export function askedOf({ asked }: WhatRan): string {
  return asked
    .map(({ exit, confidence, threshold }) =>
      confidence >= threshold
        ? `${exit} was sure: ${confidence.toFixed(2)}`
        : `${exit} was not sure: ${confidence.toFixed(2)} of ${threshold.toFixed(2)}`,
    )
    .join(" · ");
}

/** `exit 2 of 4`; a model with one exit has none to leave by: `the whole model` */
function exitName(position: number, exits: number): string {
  return exits === 1 ? "the whole model" : `exit ${position} of ${exits}`;
}

/** What an exit promises, as far as it was measured. */
function promiseOf(exit: ModelSummary["exits"][number] | undefined): string {
  if (exit === undefined) return "";
  if (exit.accuracy !== null) return ` (right in ${formatOf100(exit.accuracy)} of 100)`;
  return exit.agreement === undefined ? "" : ` (as the whole model in ${formatOf100(exit.agreement)} of 100)`;
}
