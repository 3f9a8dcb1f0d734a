// npm start: installs and builds when needed, then runs the service and says where it is.
import { join } from "node:path";
import { ensureCertificate, lanAddresses } from "./certificate.mjs";
import { ensureBuilt, ensureInstalled, root, runScript } from "./ensure.mjs";
import { readOptions } from "./options.mjs";
import { findPhotos } from "./photos.mjs";
import { choosePort } from "./ports.mjs";
import { runService } from "./service.mjs";

const USAGE = `npm start -- [options]
  --port N       port of http://localhost; without it 8080 or the next free one
  --tls-port N   port of https, for phones on this network; without it 8443 or the next free one
  --host H       address that http listens on: 127.0.0.1
  --tls-host H   address that https listens on: 0.0.0.0
  --no-https     only http
  --data PATH    folder or archive of photos to try; without it EDDI_DATA or what "lab data" downloaded
Other options go to the service, such as --models DIR, --engine NAME, --workers N`;

const OPTIONS = {
  takesValue: ["--port", "--tls-port", "--host", "--tls-host", "--data"],
  alone: ["--no-https", "--help"],
  usage: USAGE,
};
const SERVICE = ["--import", "tsx", "apps/cloud/main.ts"];

await runScript(async () => {
  const { own, others } = readOptions(process.argv.slice(2), OPTIONS);
  if (own["--help"]) {
    console.log(USAGE);
    return 0;
  }
  await ensureInstalled();
  await ensureBuilt();

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
  return await runService(SERVICE, args, () => welcome(`http://localhost:${port}`, lanUrls));
});

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
