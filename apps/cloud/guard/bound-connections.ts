import type { Server } from "node:http";
import type { ClosedFor } from "../metrics/metrics.ts";
import { BEYOND, Connections } from "./connections.ts";
import { ReadAhead } from "./read-ahead.ts";

const MAX_CONNECTIONS = 1024;

export interface BoundConnections {
  readonly connections: Connections;
  /** Bounds the connections of a server, and what each may ask ahead of its answers. */
  readonly bound: (server: Server) => void;
}

/** @param onClosed told of connections that are closed unasked */
export function boundConnections(
  mostOfAddress: number,
  onClosed: (cause: ClosedFor) => void,
): BoundConnections {
  const limits = { most: MAX_CONNECTIONS, mostOfAddress, ...BEYOND };
  const connections = new Connections(limits, () => onClosed("evicted"));
  const readAhead = new ReadAhead({
    onBusy: (socket, isBusy) => connections.setBusy(socket, isBusy),
    onCut: () => onClosed("ahead"),
  });
  const bound = (server: Server): void => {
    server.maxConnections = MAX_CONNECTIONS + BEYOND.mostBeyond;
    connections.take(server);
    readAhead.take(server);
  };
  return { connections, bound };
}
