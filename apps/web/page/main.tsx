import { render } from "preact";
import { useKey } from "../link/service-fetch.ts";
import { createApi } from "./api.ts";
import { App } from "./app.tsx";
import { Controller } from "./controller.ts";
import { takeKey } from "./key.ts";
import { loadSamples } from "./samples.ts";
import { readSettings } from "./settings.ts";
import * as store from "./store.ts";
import "./style.css";

const { settings, problems } = readSettings(location.search);
for (const problem of problems) store.showProblem(problem);
const key = takeKey({ location, history, storage: sessionStorage });
useKey(key);
const controller = new Controller({ ...settings, key });
globalThis.eddi = createApi(controller);
render(<App controller={controller} />, document.getElementById("app")!);
void loadSamples();
