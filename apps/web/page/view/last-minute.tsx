import { useEffect, useState } from "preact/hooks";
import { lately, REMEMBERED_MS } from "../control/history.ts";
import { budgetMs, model } from "../control/store.ts";
import { Charts } from "./charts.tsx";

/** The charts move on this often. */
const STEP_MS = 500;

/** The last minute of connection and answers. */
export function LastMinute() {
  const [nowMs, setNow] = useState(performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), STEP_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <Charts
      moments={lately.value}
      fromMs={nowMs - REMEMBERED_MS}
      toMs={nowMs}
      zeroMs={nowMs}
      limitMs={budgetMs.value}
      exits={model.value?.exits.map(({ id }) => id) ?? []}
    />
  );
}
