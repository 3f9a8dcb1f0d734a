import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { EddiError } from "#shared/errors";
import type { CloudConfig, TlsConfig } from "./config.ts";
import { answerClientError, answerExpectations } from "./http-errors.ts";
import { type CloudServer, HTTP } from "./server.ts";

/**
 * Listens on HTTP and, with a certificate, on HTTPS too: one app behind both.
 *
 * @returns the addresses
 * @throws EddiError `unavailable` when it cannot listen, the cause as Node has it; `bad-argument` for a certificate that is none
 */
export async function listen(
  { app, listeners, takeUpgrades }: Pick<CloudServer, "app" | "listeners" | "takeUpgrades">,
  config: CloudConfig,
): Promise<string[]> {
  const { host, port, tls } = config;
  const secure = tls === null ? null : await openSecure(app, tls);
  if (secure !== null) {
    listeners.push(secure);
    takeUpgrades(secure);
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

async function openSecure(app: FastifyInstance, tls: TlsConfig): Promise<Server> {
  const [cert, key] = await Promise.all([readPem("--tls-cert", tls.cert), readPem("--tls-key", tls.key)]);
  const { headersTimeout, requestTimeout, keepAliveTimeout, maxConnections, timeout } = app.server;
  try {
    const options = { ...HTTP, cert, key, headersTimeout, requestTimeout, keepAliveTimeout };
    const server = createServer(options, (request, response) => app.routing(request, response));
    server.maxConnections = maxConnections;
    server.timeout = timeout;
    server.on("clientError", answerClientError);
    answerExpectations(server);
    return server;
  } catch (cause) {
    const message = `--tls-cert, --tls-key: expected PEM files that belong together: ${(cause as Error).message}`;
    throw new EddiError("bad-argument", message, { cause });
  }
}

async function readPem(option: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new EddiError("bad-argument", `${option}: expected a readable file, got ${code} for ${path}`, {
      cause,
    });
  }
}

function urlOf(scheme: string, { address, family, port }: AddressInfo): string {
  return `${scheme}://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
