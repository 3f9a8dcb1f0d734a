import fastifyWebsocket from "@fastify/websocket";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { EddiError } from "#shared/errors";
import { MAX_ENVELOPE_BYTES, STREAM_PATH, STREAM_PROTOCOL } from "#shared/protocol";
import { modelIdOf } from "../models/named-model.ts";
import { withoutBase } from "../options/base-path.ts";
import { answerCall, type StreamService } from "./answer-call.ts";
import { Streams } from "./streams.ts";
import { type UpgradeTaker, upgradesTo } from "./upgrades.ts";

/** @returns all streams, and what takes the upgrades of a server */
export async function streamRoute(
  app: FastifyInstance,
  service: StreamService,
): Promise<{ readonly streams: Streams; readonly takeUpgrades: UpgradeTaker }> {
  const streams = new Streams(
    (client, call, signal) => answerCall(service, client, call, signal),
    {},
    (client, call, why) => {
      const { expectedQueueMs } = service.executor.load(service.senderOf(client));
      service.metrics.notRun(modelIdOf(call.model), why, expectedQueueMs);
      service.metrics.notAnswered(why);
    },
    (client, onTaken) =>
      service.bytes.hold(service.senderOf(client).client, (why) => {
        service.metrics.connectionClosed("memory");
        onTaken(why);
      }),
  );
  const { take, wanted, isWanted } = upgradesTo((url) => {
    const asked = withoutBase(service.config.basePath, url).split("?", 1)[0];
    return asked === STREAM_PATH || asked === `${STREAM_PATH}/`;
  });
  await app.register(fastifyWebsocket, {
    options: {
      server: wanted as unknown as FastifyInstance["server"],
      maxPayload: service.config.bodyLimitBytes + MAX_ENVELOPE_BYTES,
      perMessageDeflate: false,
      // One message in a turn of the event loop: ten thousand empty ones would hold it up.
      allowSynchronousEvents: false,
      handleProtocols: (offered) => offered.has(STREAM_PROTOCOL) && STREAM_PROTOCOL,
    },
    // What is wrong with a frame, the client has been told in its close frame.
    errorHandler: (error, _, request) => request.log.debug({ err: error }, "stream"),
    preClose: (done) => {
      streams.closeAllConnections();
      done();
    },
  });
  // The plugin does so too, but not when a hook before its own has refused the request; Node forgets such sockets.
  app.addHook("onResponse", async ({ raw }) => {
    if (isWanted(raw)) raw.socket.destroy();
  });
  app.route({
    method: "GET",
    url: STREAM_PATH,
    onRequest: async (request) => checkOrigin(request, service.config.corsOrigins),
    handler: (_, reply) => {
      const error = `expected a WebSocket, subprotocol ${STREAM_PROTOCOL}`;
      return reply.code(426).header("upgrade", "websocket").send({ error });
    },
    wsHandler: (socket, request) => streams.add(socket, request),
  });
  take(app.server);
  return { streams, takeUpgrades: take };
}

/** Browsers let any page open a WebSocket to anywhere: what CORS does for requests is to be done here. */
function checkOrigin({ headers, host }: FastifyRequest, allowed: readonly string[]): void {
  const { origin } = headers;
  if (origin === undefined || allowed.includes(origin)) return;
  // A proxy that is trusted tells by which name it was asked, where it does not pass that on.
  if (URL.canParse(origin) && [headers.host, host].includes(new URL(origin).host)) return;
  throw new EddiError("forbidden", `origin: expected a page of ${host}, got ${origin.slice(0, 100)}`);
}
