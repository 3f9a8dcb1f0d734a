import { type Client, createClient, listModels } from "../client/index.ts";
import { keptModels } from "../service/kept-models.ts";
import { Service } from "../service/service.ts";
import { Controller } from "./control/controller.ts";
import { takeDropsAndPastes } from "./control/drop-and-paste.ts";
import { findModel } from "./control/find-model.ts";
import { followClient } from "./control/follow-client.ts";
import { keepPage } from "./control/keep-page.ts";
import { loadSamples } from "./control/samples.ts";
import { takeSharedPhoto } from "./control/shared-photo.ts";
import * as store from "./control/store.ts";
import { takeKey } from "./settings/key.ts";
import { readSettings } from "./settings/settings.ts";
import { tabMemory } from "./settings/tab-memory.ts";
import { takeOver } from "./view/take-over.tsx";
import { watchSize } from "./view/watch-size.ts";
import "./style/index.css";

declare global {
  /** The page's client, for tests, researchers and the developer console. The page shows what is asked of it. */
  var eddi: Client;
}

/** Where this script came from. The build puts all scripts into one folder, `assets/`; this one lies in one as well. */
const HERE = import.meta.url;

/**
 * A proxy may have put any prefix before the service's paths, of which neither it nor the page was told: the page's
 * own scripts came through it, so what lies beside their folder does too.
 */
const baseUrl = new URL("..", HERE).href;

const { settings, problems } = readSettings(location.search);
for (const problem of problems) store.showProblem(problem);
const key = takeKey({ location, history, storage: tabMemory() });
const { model, framesPerSecond, ...others } = settings;
const service = new Service({ baseUrl, key });
const found = findModel(model, listModels({ baseUrl, key }), () => keptModels(service));
const client = createClient({ baseUrl, key, model: found, ...others });
globalThis.eddi = client;
followClient(client);
// What is seen first stands there already: workers start before it is taken over, and no task is longer than need be.
// Nor is anything awaited here: what is loaded later waits for this script to end.
setTimeout(async () => {
  const controller = new Controller(client, service, { framesPerSecond, key });
  watchSize();
  takeDropsAndPastes(controller);
  void loadSamples(service, found);
  await takeOver(document.getElementById("app")!, controller);
  void keepPage(client, service);
  void answerShared(controller);
});

async function answerShared(controller: Controller): Promise<void> {
  const shared = await takeSharedPhoto(service);
  if (shared !== null) await controller.answerFile(shared);
}
