import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { PlainTail } from "#shared/profile";
import { decodeRequest, HEADER_LENGTH } from "#shared/protocol";

export interface PlainServerOptions {
  /** Of the service, and a key for it. */
  readonly port: number;
  readonly key: string;
  /** What is served. */
  readonly tails: readonly PlainTail[];
  /** As it declares them. */
  readonly extensions: readonly string[];
}

export interface PlainServer {
  readonly url: string;
  /** What was asked for that no server of the protocol has, or in no way that it knows. */
  readonly strays: readonly string[];
  close(): Promise<void>;
}

/** Of an answer: what belongs to the protocol, and lets the page in. */
const PASSED = /^(content-(type|length)|inference-header-content-length|access-control-.*|vary)$/;

/**
 * Our service with all taken away that is its own: endpoints, versions, parameters, codecs, headers, times. What is left is
 * what any server of the Open Inference Protocol has that serves tails as `lab export-onnx --repository` writes them.
 */
export async function openPlainServer({
  port,
  key,
  tails,
  extensions,
}: PlainServerOptions): Promise<PlainServer> {
  const strays: string[] = [];
  const pass = (asked: IncomingMessage, answer: ServerResponse, path: string, body: Buffer): void => {
    const { method, headers } = asked;
    const { authorization: _, host: __, ...own } = headers;
    const options = { port, host: "127.0.0.1", path, method };
    const passed = request({ ...options, headers: { ...own, authorization: `Bearer ${key}` } }, (reply) => {
      const told = Object.entries(reply.headers).filter(([name]) => PASSED.test(name));
      answer.writeHead(reply.statusCode!, Object.fromEntries(told));
      reply.pipe(answer);
    });
    passed.on("error", () => answer.destroy());
    passed.end(body);
  };
  /** Answers by itself; the page is let in. */
  const tell = ({ headers }: IncomingMessage, answer: ServerResponse, status: number, body: object): void => {
    answer.writeHead(status, {
      "access-control-allow-origin": headers.origin ?? "*",
      "content-type": "application/json",
    });
    answer.end(JSON.stringify(body));
  };
  const server = createServer(async (asked, answer) => {
    const { method = "", url = "", headers } = asked;
    const chunks: Buffer[] = [];
    for await (const chunk of asked) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (method === "OPTIONS" || url === "/v2/health/live") {
      pass(asked, answer, url, body);
      return;
    }
    if (method === "GET" && url === "/v2") {
      tell(asked, answer, 200, { name: "plain", version: "1", extensions });
      return;
    }
    if (method === "POST" && url === "/v2/repository/index") {
      const ready = tails.map(({ name }) => ({ name, version: "1", state: "READY", reason: "" }));
      tell(asked, answer, 200, ready);
      return;
    }
    const found = tails.find(({ name }) => url === `/v2/models/${name}/infer`);
    if (method !== "POST" || found === undefined || !isPlain(headers, body, found)) {
      strays.push(`${method} ${url}`);
      tell(asked, answer, 404, { error: `no such thing: ${method} ${url}` });
      return;
    }
    pass(asked, answer, url.replace("~uint8", ""), body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    strays,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}

/** Whether a request is of the protocol alone, and its one tensor of the type that this model takes. */
function isPlain(headers: IncomingMessage["headers"], body: Buffer, { codec }: PlainTail): boolean {
  const told = headers[HEADER_LENGTH];
  const { inputs, parameters } = decodeRequest(body, told === undefined ? null : Number(told));
  const [input, ...others] = inputs;
  return (
    headers["content-encoding"] === undefined &&
    Object.keys(parameters).length === 0 &&
    others.length === 0 &&
    input?.datatype === (codec === "uint8" ? "UINT8" : "FP32")
  );
}
