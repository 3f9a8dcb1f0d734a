// npm run dev: the page with hot reload and the service with watch, behind one address.
import { ensureInstalled, root, runScript } from "./ensure.mjs";
import { readOptions } from "./options.mjs";
import { findPhotos } from "./photos.mjs";
import { choosePort } from "./ports.mjs";
import { runService } from "./service.mjs";

const USAGE = `npm run dev -- [options]
  --port N       port of http://localhost, for page and service; without it 5173 or the next free one
  --data PATH    folder or archive of photos to try; without it EDDI_DATA or what "lab data" downloaded
Other options go to the service, such as --models DIR, --engine tfjs-node|wasm|auto, --workers N`;

const OPTIONS = { takesValue: ["--port", "--data"], alone: ["--help"], usage: USAGE };

/** Apart from where `npm start` looks, so that both may run. */
const SERVICE_PORT = 8180;

/** What the service answers; all else is the page, as Vite makes it from its sources. */
const SERVICE_PATHS = ["/v2", "/models", "/samples", "/docs", "/metrics"];

/** The page is isolated as the service would have it. */
const HEADERS = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** Workers are files that no import leads to: all sources are watched. */
const WATCHED = ["apps/cloud/**/*.ts", "shared/**/*.ts"];

await runScript(async () => {
  const { own, others } = readOptions(process.argv.slice(2), OPTIONS);
  if (own["--help"]) {
    console.log(USAGE);
    return 0;
  }
  await ensureInstalled();
  const host = "127.0.0.1";
  const port = await choosePort(host, "--port", own["--port"], 5173);
  const servicePort = await choosePort(host, "--port", undefined, SERVICE_PORT, port);
  const photos = await findPhotos(own["--data"]);

  const { createServer } = await import("vite");
  const target = `http://${host}:${servicePort}`;
  const page = await createServer({
    configFile: `${root}vite.config.ts`,
    clearScreen: false,
    server: {
      host,
      port,
      strictPort: true,
      headers: HEADERS,
      proxy: Object.fromEntries(SERVICE_PATHS.map((path) => [path, { target, ws: path === "/v2" }])),
    },
  });
  await page.listen();
  const watch = WATCHED.flatMap((pattern) => ["--include", pattern]);
  const node = [
    "node_modules/tsx/dist/cli.mjs",
    "watch",
    "--clear-screen=false",
    ...watch,
    "apps/cloud/main.ts",
  ];
  // Changes do not wait for load balancers.
  const args = ["--port", `${servicePort}`, "--host", host, "--drain-ms", "0", ...others];
  if (photos !== undefined) args.push("--data", photos);
  let isFirst = true;
  try {
    return await runService(node, args, async () => {
      const what = isFirst
        ? `page and service: http://localhost:${port}   Ctrl-C stops.`
        : "the service is new";
      console.log(what);
      isFirst = false;
    });
  } finally {
    await page.close();
  }
});
