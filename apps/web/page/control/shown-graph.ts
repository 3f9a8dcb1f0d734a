import { type GraphState, stateOfAnswer, stateOfPlan } from "../graph/graph-state.ts";
import { later } from "./later.ts";
import { answer, blocks, camera, model, nodeFacts, summary } from "./store.ts";

/** What the graph shows: the last answer; before there is one, and of a camera that is live, the plan. */
export const shownGraph = later<GraphState | null>(() => {
  const known = model.value;
  if (known === null || blocks.value.length === 0) return null;
  if (answer.value !== null && camera.value !== "live")
    return stateOfAnswer(answer.value, blocks.value, nodeFacts.value);
  const { plan, sentBytes } = summary.value ?? { plan: null, sentBytes: 0 };
  return plan === null ? null : stateOfPlan(plan, sentBytes, known, blocks.value, nodeFacts.value);
}, null);
