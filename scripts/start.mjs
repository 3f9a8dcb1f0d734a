// npm start: installs and builds when needed, then runs the service and says where it is.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ensureCertificate, lanAddresses } from "./certificate.mjs";
import { ensureBuilt, ensureInstalled, Refusal, root, runScript } from "./ensure.mjs";
import { findPhotos } from "./photos.mjs";

const USAGE = `npm start -- [options]
  --port N       port of http://localhost; without it 8080 or the next free one
  --tls-port N   port of https, for phones on this network; without it 8443 or the next free one
  --host H       address that http listens on: 127.0.0.1
  --tls-host H   address that https listens on: 0.0.0.0
  --no-https     only http
  --data PATH    folder or archive of photos to try; without it EDDI_DATA or what "lab data" downloaded
Other options go to the service, such as --models DIR, --engine NAME, --workers N`;

const TAKES_VALUE = ["--port", "--tls-port", "--host", "--tls-host", "--data"];
const ALONE = ["--no-https", "--help"];
const PORTS_TRIED = 20;
const STOP_MS = 20_000;

await runScript(async () => {
  const { own, others } = readOptions(process.argv.slice(2));
  if (own["--help"]) {
    console.log(USAGE);
    return 0;
  }
  ensureInstalled();
  ensureBuilt();

  const host = own["--host"] ?? "127.0.0.1";
  const port = await choosePort(host, "--port", own["--port"], 8080);
  // Whoever is on this network may use it, unless --keys is among the others.
  const args = ["--port", `${port}`, "--host", host, "--open", "--web", join(root, "dist/web"), ...others];
  const photos = await findPhotos(own["--data"]);
  if (photos !== undefined) args.push("--data", photos);
  /** @type {string[]} */
  const lanUrls = [];
  if (!own["--no-https"]) {
    const tlsHost = own["--tls-host"] ?? "0.0.0.0";
    const tlsPort = await choosePort(tlsHost, "--tls-port", own["--tls-port"], 8443, port);
    const addresses = tlsHost === "0.0.0.0" ? lanAddresses() : [tlsHost];
    const { key, cert } = await ensureCertificate(addresses);
    args.push("--tls-port", `${tlsPort}`, "--tls-host", tlsHost, "--tls-key", key, "--tls-cert", cert);
    lanUrls.push(...addresses.map((address) => `https://${address}:${tlsPort}`));
  }
  return await runService(args, () => welcome(`http://localhost:${port}`, lanUrls));
});

/** Options of this script; whatever else there is belongs to the service. */
function readOptions(/** @type {readonly string[]} */ args) {
  /** @type {Record<string, string>} */
  const own = {};
  const others = [];
  for (let at = 0; at < args.length; at++) {
    const [name = "", inline] = (args[at] ?? "").split(/=(.*)/s);
    if (ALONE.includes(name)) own[name] = "yes";
    else if (!TAKES_VALUE.includes(name)) others.push(args[at] ?? "");
    else {
      const value = inline ?? args[++at];
      if (value === undefined) throw new Refusal(`${name}: expected a value\n\n${USAGE}`);
      own[name] = value;
    }
  }
  return { own, others };
}

/** The port asked for, which must be free; else the first free one from `usual` on. */
async function choosePort(
  /** @type {string} */ host,
  /** @type {string} */ option,
  /** @type {string | undefined} */ asked,
  /** @type {number} */ usual,
  /** @type {number | undefined} */ except = undefined,
) {
  if (asked !== undefined) {
    const port = Number(asked);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new Refusal(`${option}: expected a port from 1 to 65535, got ${asked}`);
    }
    if (port === except || !(await isFree(host, port))) {
      throw new Refusal(`port ${port} is taken: choose another with ${option}, or leave it out`);
    }
    return port;
  }
  for (let port = usual; port < usual + PORTS_TRIED; port++) {
    if (port !== except && (await isFree(host, port))) return port;
  }
  throw new Refusal(`ports ${usual} to ${usual + PORTS_TRIED - 1} are taken: choose one with ${option}`);
}

/** @returns {Promise<boolean>} */
function isFree(/** @type {string} */ host, /** @type {number} */ port) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (/** @type {NodeJS.ErrnoException} */ error) => {
      if (error.code === "EADDRINUSE" || error.code === "EACCES") resolve(false);
      else
        reject(new Refusal(`expected an address of this machine to listen on, got ${host} (${error.code})`));
    });
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

/** Runs the service until it ends or we are told to stop. */
async function runService(/** @type {readonly string[]} */ args, /** @type {() => Promise<void>} */ onReady) {
  const child = spawn(process.execPath, ["--import", "tsx", "apps/cloud/main.ts", ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
    // Its own group: Ctrl-C in a terminal reaches it once, through us.
    detached: process.platform !== "win32",
  });
  let stopping = false;
  const stop = () => {
    child.kill(stopping ? "SIGKILL" : "SIGINT");
    if (!stopping) setTimeout(() => child.kill("SIGKILL"), STOP_MS).unref();
    stopping = true;
  };
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, stop);
  process.on("exit", () => child.kill("SIGKILL"));

  createInterface(child.stdout).on("line", (line) => {
    console.log(line);
    if (line.startsWith("listening on ") && !stopping) void onReady();
  });
  const [code] = await once(child, "exit");
  if (stopping) return 0;
  throw new Refusal(`the service ended with exit code ${code}: see its message above`);
}

async function welcome(/** @type {string} */ localUrl, /** @type {readonly string[]} */ lanUrls) {
  const [phoneUrl] = lanUrls;
  const lines = ["", `  on this machine   ${localUrl}`];
  for (const url of lanUrls) lines.push(`  on your phone     ${url}`);
  if (phoneUrl !== undefined) {
    const { renderUnicodeCompact } = await import("uqr");
    lines.push("", renderUnicodeCompact(phoneUrl));
    lines.push(
      "The phone will warn of a certificate that it does not know: this machine made it. Go on once.",
    );
  }
  console.log([...lines, "Ctrl-C stops.", ""].join("\n"));
}
