import type { Controller } from "./controller.ts";
import { exitName, formatMs } from "./format.ts";
import { BUDGET_MS } from "./settings.ts";
import { budgetMs, model, summary } from "./store.ts";

/** Steps of the slider: even on a logarithmic scale. */
const STEPS = 100;
const RATIO = BUDGET_MS.most / BUDGET_MS.least;

/** The latency budget, and what the plan promises for it. */
export function BudgetSlider({ controller }: { readonly controller: Controller }) {
  const value = budgetMs.value;
  const step = Math.round((STEPS * Math.log(value / BUDGET_MS.least)) / Math.log(RATIO));
  return (
    <section class="card budget">
      <label for="budget">
        Latency budget <output for="budget">{formatMs(value)}</output>
      </label>
      <input
        id="budget"
        type="range"
        min={0}
        max={STEPS}
        value={step}
        aria-valuetext={formatMs(value)}
        onInput={(event) => controller.setBudget(toMs(Number(event.currentTarget.value)))}
      />
      <p class="quiet">{promise()}</p>
    </section>
  );
}

function toMs(step: number): number {
  const ms = BUDGET_MS.least * RATIO ** (step / STEPS);
  const grain = 10 ** Math.max(0, Math.floor(Math.log10(ms)) - 1);
  return Math.round(ms / grain) * grain;
}

function promise(): string {
  const plans = summary.value;
  const exits = model.value?.exits;
  if (plans === null || exits === undefined) return "measuring this device and the network…";
  const { plan, prediction, load } = plans;
  if (plan === null || prediction === null) return "no cloud, and no weights here yet";
  const exit = exits.findIndex(({ id }) => id === plan.exit) + 1;
  const about = `next: ${exitName(exit, exits.length)} in about ${formatMs(prediction.totalMs)}`;
  if (load?.mode === "overload") return `${about}; at most ${load.sustainableFps.toPrecision(2)} frames/s`;
  if (plan.early !== undefined) {
    const mean = `${about}; ${formatMs(prediction.expectedMs)} on average, since sure exits answer early`;
    return prediction.feasible ? mean : `${mean}, which is the fastest there is`;
  }
  return prediction.feasible ? about : `${about}, which is the fastest there is`;
}
