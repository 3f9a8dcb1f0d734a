import type { ComponentChildren } from "preact";
import { formatMs } from "../words/format.ts";
import { PART_WORDS, TEXTS } from "../words/texts.ts";
import type { Part } from "./times.ts";

const CLASSES = { phone: "ph", way: "nw", cloud: "cl", vain: "vn" } as const;

/** What the key below may take of the width: a limit before that would have its knob on it. As in `time.css`. */
const KEY_SHARE = 0.81;

/** Times on one axis, with the line of the limit through them. */
export function TimeAxis(props: {
  readonly maxMs: number;
  readonly limitMs: number;
  readonly totalMs: number;
  readonly label?: string;
  readonly children: ComponentChildren;
}) {
  const { maxMs, limitMs, totalMs, label } = props;
  const classes = [
    "axis",
    ...(totalMs > limitMs ? ["late"] : []),
    ...(limitMs < KEY_SHARE * maxMs ? ["high"] : []),
  ];
  const style = { "--max": maxMs, "--limit": limitMs, "--t": totalMs };
  return (
    <div
      class={classes.join(" ")}
      style={style}
      {...(label === undefined ? {} : { role: "img", "aria-label": label })}
    >
      {props.children}
    </div>
  );
}

export function Bar({
  parts,
  isExpected = false,
}: {
  readonly parts: readonly Part[];
  readonly isExpected?: boolean;
}) {
  return (
    <div class={isExpected ? "bar pred" : "bar"} aria-hidden="true">
      {parts.map(({ name, ms }, at) => (
        <i key={`${name}${at}`} class={CLASSES[name]} style={{ "--v": ms.toFixed(1) }} />
      ))}
    </div>
  );
}

/** What the colours mean, with the milliseconds of each part. */
/** @param isTried whether times are simulated */
export function Key({ parts, isTried }: { readonly parts: readonly Part[]; readonly isTried: boolean }) {
  const names = [...new Set(parts.map(({ name }) => name))];
  const sum = (of: Part["name"]): number =>
    parts.reduce((total, { name, ms }) => (name === of ? total + ms : total), 0);
  return (
    <ul class="key">
      {names.map((name) => (
        <li key={name}>
          <i class={`sw ${CLASSES[name]}`} />
          {PART_WORDS[name]} {formatMs(sum(name)).replace(/\u00a0ms$/, "")}
        </li>
      ))}
      {isTried && <li>{TEXTS.tried.toLowerCase()}</li>}
    </ul>
  );
}

/** `phone 166 ms, on the way 94 ms` */
export function partsWords(parts: readonly Part[]): string {
  return parts.map(({ name, ms }) => `${PART_WORDS[name]} ${formatMs(ms)}`).join(", ");
}

/** A round number at least this long, for an axis. */
export function roundUp(ms: number): number {
  const grain = 10 ** Math.max(0, Math.floor(Math.log10(ms)) - 1);
  return Math.ceil(ms / grain) * grain;
}
