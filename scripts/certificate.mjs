// The generated certificate of the https address: browsers give camera and GPU to secure pages only.
import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { root } from "./ensure.mjs";

const DAY_MS = 86_400_000;
/** iOS refuses certificates of the browser world that are valid for longer than 398 days. */
const VALID_DAYS = 364;

/** IPv4 addresses of this machine that others on the network may reach. */
export function lanAddresses() {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal)
    .map(({ address }) => address);
}

/**
 * Paths of key and certificate in .cert/: the ones of last time, or new ones when the addresses of this
 * machine have changed or a week is left.
 *
 * @returns {Promise<{ key: string, cert: string }>}
 */
export async function ensureCertificate(/** @type {readonly string[]} */ addresses) {
  const folder = join(root, ".cert");
  const paths = { key: join(folder, "key.pem"), cert: join(folder, "cert.pem") };
  const ips = ["127.0.0.1", ...addresses];
  if (existsSync(paths.key) && existsSync(paths.cert) && stillGood(readFileSync(paths.cert), ips))
    return paths;

  const { generate } = await import("selfsigned");
  const altNames = [
    { type: /** @type {const} */ (2), value: "localhost" },
    ...ips.map((ip) => ({ type: /** @type {const} */ (7), ip })),
  ];
  const pems = await generate([{ name: "commonName", value: "EDDI on this network" }], {
    algorithm: "sha256",
    keyType: "ec",
    curve: "P-256",
    notBeforeDate: new Date(Date.now() - DAY_MS),
    notAfterDate: new Date(Date.now() + VALID_DAYS * DAY_MS),
    extensions: [
      { name: "basicConstraints", cA: false },
      { name: "keyUsage", digitalSignature: true },
      { name: "extKeyUsage", serverAuth: true },
      { name: "subjectAltName", altNames },
    ],
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(paths.key, pems.private, { mode: 0o600 });
  writeFileSync(paths.cert, pems.cert);
  return paths;
}

function stillGood(/** @type {Buffer} */ pem, /** @type {readonly string[]} */ ips) {
  const certificate = new X509Certificate(pem);
  const fresh = Date.parse(certificate.validTo) - Date.now() > 7 * DAY_MS;
  return fresh && ips.every((ip) => certificate.checkIP(ip) !== undefined);
}
