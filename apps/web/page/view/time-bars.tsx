import { answer } from "../control/store.ts";
import { formatMs } from "../words/format.ts";
import { measuredParts, type Part, predictedParts } from "./times.ts";

/** Where the time of the last answer went, and where it was predicted to go, on one scale. */
export function TimeBars() {
  const last = answer.value;
  if (last === null) return null;
  const measured = measuredParts(last);
  const predicted = last.prediction === null ? null : predictedParts(last.prediction);
  const longest = Math.max(last.totalMs, last.prediction?.totalMs ?? 0, 1e-3);
  const isLate = last.totalMs > last.budgetMs;
  return (
    <section class="card" aria-label="Latency">
      <Bar
        title="measured"
        parts={measured}
        totalMs={last.totalMs}
        longest={longest}
        note={isLate ? `over the budget of ${formatMs(last.budgetMs)}` : `within ${formatMs(last.budgetMs)}`}
        isLate={isLate}
      />
      {predicted === null ? (
        <p class="quiet">
          {last.source === "fallback"
            ? "not predicted: the cloud was to answer"
            : "no prediction for this one"}
        </p>
      ) : (
        <Bar
          title="predicted"
          parts={predicted}
          totalMs={last.prediction!.totalMs}
          longest={longest}
          note={`± ${formatMs(last.prediction!.sdMs)}`}
        />
      )}
      <ul class="legend">
        {measured
          .filter(({ ms }, at) => ms >= longest / 200 || (predicted?.[at]?.ms ?? 0) >= longest / 200)
          .map(({ name, ms }) => (
            <li key={name}>
              <i class={`part-${name.replace(" ", "-")}`} />
              {name} {formatMs(ms)}
            </li>
          ))}
      </ul>
    </section>
  );
}

function Bar(props: {
  readonly title: string;
  readonly parts: readonly Part[];
  readonly totalMs: number;
  readonly longest: number;
  readonly note: string;
  readonly isLate?: boolean;
}) {
  const { title, parts, totalMs, longest, note, isLate } = props;
  const label = parts.filter(({ ms }) => ms >= 0.05).map(({ name, ms }) => `${name} ${formatMs(ms)}`);
  return (
    <div class="bar-row">
      <div class="bar-head">
        <span>{title}</span>
        <strong>{formatMs(totalMs)}</strong>
        <span class={isLate ? "late" : "quiet"}>{note}</span>
      </div>
      <div class="bar" role="img" aria-label={`${title}: ${label.join(", ")}`}>
        {parts.map(({ name, ms }) => (
          <i
            key={name}
            class={`part-${name.replace(" ", "-")}`}
            style={{ width: `${(100 * ms) / longest}%` }}
          />
        ))}
      </div>
    </div>
  );
}
