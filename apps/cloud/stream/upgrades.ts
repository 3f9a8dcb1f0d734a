import { EventEmitter } from "node:events";
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

/** Takes the upgrades of a server of HTTP or HTTPS. */
export type UpgradeTaker = (server: Pick<Server, "on" | "emit">) => void;

/**
 * Who listens for upgrades gets all of them, and Node stops to read what follows. But an upgrade is an offer:
 * Java's client, for one, offers h2c with its first request, whatever that is. So all that is no WebSocket of
 * ours goes back to its server, without the offer, to be answered as any request.
 *
 * @param isPath whether an address is that of the WebSocket
 * @returns what takes a server's upgrades, what emits those to the path, and what knows them again
 */
export function upgradesTo(isPath: (url: string) => boolean): {
  readonly take: UpgradeTaker;
  readonly wanted: EventEmitter;
  readonly isWanted: (request: IncomingMessage) => boolean;
} {
  const wanted = new EventEmitter();
  const known = new WeakSet<IncomingMessage>();
  const take: UpgradeTaker = (server) => {
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const isOurs = isPath(request.url ?? "") && request.method === "GET";
      if (isOurs && request.headers.upgrade?.toLowerCase() === "websocket") {
        known.add(request);
        wanted.emit("upgrade", request, socket, head);
      } else {
        socket.unshift(Buffer.concat([headWithoutOffer(request), head]));
        server.emit(socket instanceof TLSSocket ? "secureConnection" : "connection", socket);
      }
    });
  };
  return { take, wanted, isWanted: (request) => known.has(request) };
}

/** The request's head as it came, in Latin-1 as Node has read it. */
function headWithoutOffer({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name, value] = [rawHeaders[at]!, rawHeaders[at + 1]!];
    if (/^upgrade$/i.test(name)) continue;
    const kept = /^connection$/i.test(name) ? withoutUpgrade(value) : value;
    if (kept !== "") lines.push(`${name}: ${kept}`);
  }
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

function withoutUpgrade(connection: string): string {
  const options = connection.split(",").map((option) => option.trim());
  return options.filter((option) => !/^upgrade$/i.test(option)).join(", ");
}
