import { EddiError, toEddiError } from "#shared/errors";
import { setTensorFlowDefaults } from "../engines/index.ts";
import { readNamedFile } from "./files/named-file.ts";
import { newKey } from "./guard/keys.ts";
import { EXIT_LIMIT_MS, endProcess, endWithin } from "./http/end-process.ts";
import { listen } from "./listen.ts";
import { listenForManagement } from "./management.ts";
import { type CloudConfig, configFileOf, readConfig } from "./options/config.ts";
import { buildServer, type CloudServer, GRACE_MS } from "./server.ts";

const EXIT_FAILED = 1;
/** The port is taken: a script may try the next one. */
const EXIT_PORT_TAKEN = 2;
/** Above drain and grace, the service ends within this time, whatever its clients do. */
const CLOSE_LIMIT_MS = 3_000;

// A log that cannot be written, on a full disk or to a reader that has gone, is no reason to end.
process.stderr.on("error", () => {});

try {
  const args = process.argv.slice(2);
  if (args[0] === "--new-key") printNewKey(args[1] ?? "");
  else {
    const config = readConfig(process.env, args, await readOptions(configFileOf(process.env, args)));
    if ("help" in config) process.stdout.write(config.help);
    else await serve(config);
  }
} catch (thrown) {
  fail(thrown);
}

async function serve(config: CloudConfig): Promise<void> {
  setTensorFlowDefaults("tails");
  let server: CloudServer | null = null;
  let stopping = false;
  let isReady = false;
  const stop = (signal: NodeJS.Signals): void => {
    // A second signal does not wait.
    if (stopping || server === null) {
      endProcess(stopping ? EXIT_FAILED : 0);
      return;
    }
    stopping = true;
    // Nobody sends to a service that was never ready, and a developer's Ctrl-C need not wait for a balancer.
    const drainMs = signal === "SIGTERM" && isReady ? config.drainMs : 0;
    const limitMs = drainMs + GRACE_MS + CLOSE_LIMIT_MS;
    setTimeout(() => endProcess(EXIT_FAILED), limitMs).unref();
    endWithin(limitMs + EXIT_LIMIT_MS);
    server.close(GRACE_MS, drainMs).then(() => endProcess(0), fail);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);

  server = await buildServer(config);
  server.app.log.info({ settings: config.settings }, "configuration");
  try {
    const addresses = await listen(server, config);
    const management = await listenForManagement(server, config);
    if (management !== null) server.app.log.info(`health, readiness and metrics on ${management}`);
    await server.ready;
    isReady = true;
    // Whoever starts it kills what takes too long.
    const startMs = Math.round(performance.now());
    server.app.log.info({ startMs }, `ready ${startMs} ms after the start`);
    if (!stopping) process.stdout.write(`listening on ${addresses.join(" ")}\n`);
  } catch (thrown) {
    if (stopping) return;
    await server.close(0);
    throw thrown;
  }
}

/** Reads the file of options, if there is one, as `readConfig` wants it: that can wait, and this not for ever. */
async function readOptions(path: string): Promise<() => string> {
  if (path === "") return () => "";
  const text = await readNamedFile(path).catch((thrown: EddiError) => thrown);
  return () => {
    if (text instanceof EddiError) throw text;
    return text.toString();
  };
}

/** The key goes to its user, the line into the file that `--keys` names. */
function printNewKey(name: string): void {
  const { key, line } = newKey(name);
  process.stdout.write(`key, told this once: ${key}\nline for the file of keys: ${line}\n`);
}

function fail(thrown: unknown): void {
  const error = toEddiError(thrown);
  const isTaken = (error.cause as NodeJS.ErrnoException | undefined)?.code === "EADDRINUSE";
  process.stderr.write(
    `${error.code === "internal" ? ((thrown as Error).stack ?? thrown) : error.message}\n`,
  );
  endProcess(isTaken ? EXIT_PORT_TAKEN : EXIT_FAILED);
}
