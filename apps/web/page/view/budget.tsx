import { BUDGET_MS } from "../../client/index.ts";
import type { Controller } from "../control/controller.ts";
import { budgetMs, model, summary } from "../control/store.ts";
import { formatMs } from "../words/format.ts";
import { promiseWords } from "../words/promise-words.ts";

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
      <p class="quiet">{promiseWords(summary.value, model.value?.exits ?? null)}</p>
    </section>
  );
}

function toMs(step: number): number {
  const ms = BUDGET_MS.least * RATIO ** (step / STEPS);
  const grain = 10 ** Math.max(0, Math.floor(Math.log10(ms)) - 1);
  return Math.round(ms / grain) * grain;
}
