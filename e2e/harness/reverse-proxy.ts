import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type Server,
} from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";

export interface ReverseProxyOptions {
  /** Of the service. */
  readonly port: number;
  /** What it serves the service below, such as `/a/b`. Everything else is 404. */
  readonly prefix: string;
  /** Whether it takes the prefix off what it passes on. */
  readonly strips: boolean;
  /** Whether it passes on by which name it was asked, else it names the service. */
  readonly keepsHost: boolean;
}

export interface ReverseProxy {
  readonly origin: string;
  /** What was asked for outside of the prefix. */
  readonly strays: readonly string[];
  /** Answers that went to browsers, and their bytes with headers; WebSockets not counted. */
  readonly sent: readonly { readonly path: string; readonly bytes: number }[];
  /** From now on nobody gets through, or everybody does again. */
  cut(isCut: boolean): void;
  /** From now on this is the answer to a path. */
  replace(path: string, headers: OutgoingHttpHeaders, body: string): void;
  close(): void;
}

/** A proxy as nginx is one: requests, answers and WebSockets pass through as they are, but for path and host. */
export async function openReverseProxy(options: ReverseProxyOptions): Promise<ReverseProxy> {
  const { port, prefix, strips, keepsHost } = options;
  const strays: string[] = [];
  const pathOf = ({ url = "/" }: IncomingMessage): string | null => {
    const inside = url.startsWith(prefix) && /^([/?]|$)/.test(url.slice(prefix.length));
    if (!inside) strays.push(url);
    if (!inside) return null;
    return strips ? url.slice(prefix.length).replace(/^(?!\/)/, "/") : url;
  };
  const headersOf = ({ headers }: IncomingMessage) => ({
    ...headers,
    ...(keepsHost ? {} : { host: `127.0.0.1:${port}`, "x-forwarded-host": headers.host }),
  });
  const replaced = new Map<string, { readonly headers: OutgoingHttpHeaders; readonly body: string }>();
  const sent: { readonly path: string; bytes: number }[] = [];
  let isCut = false;
  const server: Server = createServer((asked, answer) => {
    const path = pathOf(asked);
    if (path === null) {
      answer.writeHead(404).end("no such service");
      return;
    }
    const other = replaced.get(path.replace(/\?.*/, ""));
    if (other !== undefined) {
      answer.writeHead(200, other.headers).end(other.body);
      return;
    }
    const { method } = asked;
    const passed = request({ port, host: "127.0.0.1", path, method, headers: headersOf(asked) }, (reply) => {
      answer.writeHead(reply.statusCode!, reply.headers);
      const one = { path, bytes: reply.rawHeaders.join("  ").length };
      sent.push(one);
      reply.on("data", (chunk: Buffer) => {
        one.bytes += chunk.length;
      });
      reply.pipe(answer);
    });
    passed.on("error", () => answer.destroy());
    asked.pipe(passed);
  });
  const tunnels = new Set<Duplex>();
  server.on("upgrade", (asked: IncomingMessage, client: Duplex, head: Buffer) => {
    const path = pathOf(asked);
    if (path === null) {
      client.end("HTTP/1.1 404 Not Found\r\n\r\n");
      return;
    }
    const service = connect(port, "127.0.0.1");
    const lines = Object.entries(headersOf(asked)).map(([name, value]) => `${name}: ${value}\r\n`);
    service.write(`${asked.method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
    service.write(head);
    for (const [from, to] of [[client, service] as const, [service, client] as const]) {
      tunnels.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => tunnels.delete(from) && to.destroy());
    }
  });
  server.on("connection", (socket) => isCut && socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const end = (): void => {
    for (const tunnel of tunnels) tunnel.destroy();
    server.closeAllConnections();
  };
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    strays,
    sent,
    cut: (isNow) => {
      isCut = isNow;
      if (isNow) end();
    },
    replace: (path, headers, body) => replaced.set(path, { headers, body }),
    close: () => {
      end();
      server.close();
    },
  };
}
