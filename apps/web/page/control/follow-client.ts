import type { Client, EddiError, PlanSummary } from "../../client/index.ts";
import { TEXTS } from "../words/texts.ts";
import { calmly } from "./calmly.ts";
import { rememberAnswer, rememberLink } from "./history.ts";
import { followTried } from "./simulation.ts";
import * as store from "./store.ts";

/** What to tell a user whom the service does not let in. */
const HOW_TO_GET_IN = "open this page as its operator told you, with #key=...";

/** Shows what a client tells. */
export function followClient(client: Client): void {
  store.objectives.value = client.state();
  client.on("objectives", (objectives) => {
    store.objectives.value = objectives;
  });
  client.on("model", (model) => {
    store.model.value = model;
  });
  client.on("engine", (engine) => {
    store.engine.value = engine;
  });
  client.on(
    "progress",
    calmly((shards) => {
      store.shards.value = shards;
    }),
  );
  client.on(
    "profiling",
    calmly((profiling) => {
      store.profiling.value = profiling;
    }),
  );
  const showPlan = calmly<PlanSummary>((summary) => {
    store.summary.value = summary;
  });
  client.on("drift", (drift) => {
    if (drift.length > 0 && store.drift.value.length === 0) store.showProblem(TEXTS.drift);
    store.drift.value = drift;
  });
  client.on("plan", (summary) => {
    showPlan(summary);
    rememberLink(summary);
    if (store.nodeFacts.value.length === 0 && summary.measured.rtt) void learnNodes(client);
  });
  client.on("answering", ({ answer }) => {
    answer.then(rememberAnswer).catch(() => {}); // Whoever has asked hears of it.
  });
  client.on("simulated", followTried);
  client.on("problem", (error) => store.showProblem(wordsFor(error)));
}

function wordsFor({ code, message }: EddiError): string {
  return code === "unauthorized" ? `${message}: ${HOW_TO_GET_IN}` : message;
}

/** What the nodes take is wanted for drawings only: one that cannot be had is drawn without. */
async function learnNodes(client: Client): Promise<void> {
  store.nodeFacts.value = await client.nodes().catch(() => []);
}
