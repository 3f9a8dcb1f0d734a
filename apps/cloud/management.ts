import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { EddiError } from "#shared/errors";
import { BEYOND, Connections } from "./guard/connections.ts";
import { ReadAhead } from "./guard/read-ahead.ts";
import { answerClientError, answerExpectations } from "./http/http-errors.ts";
import { HTTP } from "./http/open-app.ts";
import type { CloudConfig } from "./options/config.ts";
import type { CloudServer } from "./server.ts";

/** What orchestrators and Prometheus ask for. */
const PATHS: readonly string[] = ["/v2/health/live", "/v2/health/ready", "/metrics"];
/** Of orchestrators; here too idle ones make room. */
const MAX_CONNECTIONS = 64;

/**
 * Listens for those who look after the service, on a port of its own: whatever the service's clients do with their
 * connections, health, readiness and metrics are answered here, until its end.
 *
 * @returns the address; null where there is to be none
 * @throws EddiError `unavailable` when it cannot listen, the cause as Node has it
 */
export async function listenForManagement(
  { app, lastListeners }: Pick<CloudServer, "app" | "lastListeners">,
  { host, managementPort }: Pick<CloudConfig, "host" | "managementPort">,
): Promise<string | null> {
  if (managementPort === null) return null;
  const server = createServer(HTTP, (request, response) => {
    if (isManaged(request)) app.routing(request, response);
    else refuse(request, response);
  });
  const { headersTimeout, requestTimeout, keepAliveTimeout, timeout } = app.server;
  Object.assign(server, { headersTimeout, requestTimeout, keepAliveTimeout, timeout });
  server.on("clientError", answerClientError);
  answerExpectations(server);
  bound(server);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(managementPort, host, resolve);
    });
  } catch (cause) {
    const message = `--management-port: expected a free port, got ${(cause as NodeJS.ErrnoException).code}`;
    throw new EddiError("unavailable", `${message} for ${host}:${managementPort}`, { cause });
  }
  lastListeners.push(server);
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

function bound(server: Server): void {
  const limits = { most: MAX_CONNECTIONS, mostOfAddress: MAX_CONNECTIONS, ...BEYOND };
  const connections = new Connections(limits);
  server.maxConnections = MAX_CONNECTIONS + BEYOND.mostBeyond;
  connections.take(server);
  new ReadAhead({ onBusy: (socket, isBusy) => connections.setBusy(socket, isBusy) }).take(server);
}

function isManaged({ url = "" }: IncomingMessage): boolean {
  return PATHS.includes(url.split("?", 1)[0]!.replace(/(?<=.)\/$/, ""));
}

function refuse({ url = "" }: IncomingMessage, response: ServerResponse): void {
  const body = JSON.stringify({ error: `expected ${PATHS.join(", ")}, got ${url.slice(0, 200)}` });
  const fields = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  response.writeHead(404, fields).end(body);
}
