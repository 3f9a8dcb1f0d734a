import { createPrivateKey, X509Certificate } from "node:crypto";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { EddiError } from "#shared/errors";
import { followFiles } from "./files/follow-files.ts";
import { readNamedFile } from "./files/named-file.ts";
import { answerClientError, answerExpectations, refusePreface } from "./http/http-errors.ts";
import { HTTP } from "./http/open-app.ts";
import type { CloudConfig, TlsConfig } from "./options/config.ts";
import type { CloudServer } from "./server.ts";

/**
 * Listens on HTTP and, with a certificate, on HTTPS too: one app behind both.
 *
 * @returns the addresses
 * @throws EddiError `unavailable` when it cannot listen, the cause as Node has it; `bad-argument` for a certificate that is none
 */
export async function listen(
  { app, listeners, takeUpgrades, bound }: Pick<CloudServer, "app" | "listeners" | "takeUpgrades" | "bound">,
  config: CloudConfig,
): Promise<string[]> {
  const { host, port, tls } = config;
  const secure = tls === null ? null : await openSecure(app, tls);
  if (secure !== null) {
    listeners.push(secure);
    takeUpgrades(secure);
    bound(secure);
  }
  try {
    await app.listen({ host, port });
    const address = urlOf("http", app.server.address() as AddressInfo);
    if (secure === null || tls === null) return [address];
    await new Promise<void>((resolve, reject) => {
      secure.once("error", reject).listen(tls.port, tls.host, resolve);
    });
    return [address, urlOf("https", secure.address() as AddressInfo)];
  } catch (thrown) {
    const {
      code,
      address,
      port: asked,
    } = thrown as NodeJS.ErrnoException & { address?: string; port?: number };
    const message =
      code === "EADDRINUSE"
        ? `port ${asked}: expected a free port, it is taken`
        : `expected an address and a port to listen on, got ${code} for ${address ?? host}:${asked ?? port}`;
    throw new EddiError("unavailable", message, { cause: thrown });
  }
}

/** A server that follows the files of its certificate for as long as it listens. */
async function openSecure(app: FastifyInstance, tls: TlsConfig): Promise<Server> {
  const contents = await Promise.all([readPem("--tls-cert", tls.cert), readPem("--tls-key", tls.key)]);
  const pair = pairOf(contents);
  const { headersTimeout, requestTimeout, keepAliveTimeout, timeout } = app.server;
  const options = { ...HTTP, ...pair, headersTimeout, requestTimeout, keepAliveTimeout };
  const server = createServer(options, refusePreface(app.routing));
  server.timeout = timeout;
  server.on("clientError", answerClientError);
  answerExpectations(server);
  const take = (now: readonly Buffer[]): string => {
    const { cert, key, validTo } = pairOf(now);
    if (Date.parse(validTo) < Date.now())
      throw new Error(`expected one that is valid, it was until ${validTo}`);
    server.setSecureContext({ cert, key });
    return `changed: valid to ${validTo}`;
  };
  const paths = [tls.cert, tls.key];
  server.once("close", followFiles({ what: "certificate", paths, contents, take, log: app.log }));
  return server;
}

/** @throws EddiError `bad-argument` for what are no PEM files, or do not belong together */
function pairOf([cert, key]: readonly Buffer[]): { cert: Buffer; key: Buffer; validTo: string } {
  try {
    const certificate = new X509Certificate(cert!);
    if (!certificate.checkPrivateKey(createPrivateKey(key!))) throw new Error("the key is of another one");
    return { cert: cert!, key: key!, validTo: certificate.validTo };
  } catch (cause) {
    const message = `--tls-cert, --tls-key: expected PEM files that belong together: ${(cause as Error).message}`;
    throw new EddiError("bad-argument", message, { cause });
  }
}

async function readPem(option: string, path: string): Promise<Buffer> {
  try {
    return await readNamedFile(path);
  } catch (cause) {
    throw new EddiError("bad-argument", `${option}: ${(cause as Error).message} for ${path}`, { cause });
  }
}

function urlOf(scheme: string, { address, family, port }: AddressInfo): string {
  return `${scheme}://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
