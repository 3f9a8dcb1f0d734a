import { render } from "preact";
import { createApi } from "./api.ts";
import { App } from "./app.tsx";
import { Controller } from "./controller.ts";
import { loadSamples } from "./samples.ts";
import { readSettings } from "./settings.ts";
import * as store from "./store.ts";
import "./style.css";

const { settings, problems } = readSettings(location.search);
for (const problem of problems) store.showProblem(problem);
const controller = new Controller(settings);
globalThis.eddi = createApi(controller);
render(<App controller={controller} />, document.getElementById("app")!);
void loadSamples();
