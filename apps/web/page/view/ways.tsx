import type { Prediction } from "#shared/planning";
import { answer, asked, model } from "../control/store.ts";
import { formatBytes, formatMs, formatOf100 } from "../words/format.ts";
import { TEXTS } from "../words/texts.ts";
import { type WayKind, wayOf } from "../words/way.ts";
import { reasonOf } from "../words/why-words.ts";
import { Bar, roundUp, TimeAxis } from "./time-axis.tsx";
import { predictedParts } from "./times.ts";

interface Row {
  readonly kind: WayKind;
  readonly prediction: Prediction;
  readonly sentBytes: number;
  /** Null of the plan itself. */
  readonly reason: string | null;
}

/** The plan and the ways that it was compared with, as bars on one axis: all of them as they were expected. */
export function Ways() {
  const plans = asked.value;
  const known = model.value;
  if (plans === null || known === null || plans.plan === null || plans.prediction === null) return null;
  const taken = wayOf(plans.plan, known);
  const chosen: Row = { kind: taken, prediction: plans.prediction, sentBytes: plans.sentBytes, reason: null };
  const others = plans.alternatives
    .filter(({ kind }) => kind !== taken)
    .map(
      ({ kind, prediction, sentBytes }): Row => ({
        kind,
        prediction,
        sentBytes,
        reason: reasonOf(prediction, plans),
      }),
    );
  const rows = [chosen, ...others];
  const longest = Math.max(...rows.map(({ prediction }) => prediction.totalMs));
  const maxMs = roundUp(1.05 * Math.max(plans.budgetMs, Math.min(longest, 4 * plans.budgetMs)));
  return (
    <>
      <ol class="ways two">
        {rows.map((row) => (
          <Way key={row.kind} row={row} limitMs={plans.budgetMs} maxMs={maxMs} />
        ))}
      </ol>
      <p class="q small">{foot(plans.minAccuracy)}</p>
    </>
  );
}

function Way({
  row,
  limitMs,
  maxMs,
}: {
  readonly row: Row;
  readonly limitMs: number;
  readonly maxMs: number;
}) {
  const { kind, prediction, sentBytes, reason } = row;
  const { totalMs, accuracy } = prediction;
  const over = totalMs - limitMs;
  const sends = sentBytes === 0 ? "sends nothing" : `sends ${formatBytes(sentBytes)}`;
  return (
    <li>
      <div class="way-head">
        <span>
          <b>{TEXTS.ways[kind]}</b>
          {reason === null && <span class="tag">chosen</span>}
        </span>
        <span>
          {over > 0 && <span class="late-t">{`${formatMs(over)} ${TEXTS.late} `}</span>}
          <b>{formatMs(totalMs)}</b>
        </span>
      </div>
      <TimeAxis maxMs={maxMs} limitMs={limitMs} totalMs={Math.min(totalMs, maxMs)}>
        <Bar parts={predictedParts(prediction)} />
        <div class="limit" />
      </TimeAxis>
      <p class="small">
        {sends}
        {accuracy !== null && (
          <>
            , right in <b>{formatOf100(accuracy)}</b> of 100
          </>
        )}
        {reason !== null && over <= 0 && <span class="q">{` · ${reason}`}</span>}
      </p>
    </li>
  );
}

function foot(minAccuracy: number | null): string {
  const rule =
    minAccuracy === null
      ? "Of the ways that keep your limit, the one that is right most often is taken; of those that are as good, the fastest."
      : `Of the ways that are right in ${formatOf100(minAccuracy)} of 100, the fastest is taken.`;
  const insurance =
    answer.value?.plan.insurance === undefined
      ? ""
      : " Had the cloud been late, your phone would have answered with its backup.";
  return `${rule} Times here are the expected ones.${insurance}`;
}
