import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeResponse, HEADER_LENGTH } from "#shared/protocol";
import { buildServer, type CloudServer } from "../server.ts";
import { floatTensor, post, request, scoresOf, testConfig, tinyImage } from "../testing/fixture.ts";
import { type RawAnswer, sendBytes } from "../testing/raw-http-fixture.ts";

// What Triton's synchronous Python client (tritonclient.http, with geventhttpclient 1.4.5) sends, byte by byte: recorded
// from its source, run without a network. It sends no Content-Type.
const AGENT = "user-agent: python/gevent-http-client-1.4.5";
const ZEROS = Buffer.alloc(4 * 32 * 32 * 3);
const PLAIN =
  '{"inputs":[{"name":"image","shape":[1,32,32,3],"datatype":"FP32","parameters":{"binary_data_size":12288}}],' +
  '"parameters":{"binary_data_output":true}}';
const OUTPUTS =
  '{"id":"42","inputs":[{"name":"image","shape":[1,32,32,3],"datatype":"FP32","parameters":{"binary_data_size":12288}}],' +
  '"outputs":[{"name":"exit3","parameters":{"binary_data":true}},' +
  '{"name":"exit1","parameters":{"classification":3,"binary_data":false}}],' +
  '"parameters":{"priority":1,"timeout":5000000}}';
const SEQUENCE =
  '{"inputs":[{"name":"image","shape":[1,32,32,3],"datatype":"FP32","parameters":{"binary_data_size":12288}}],' +
  '"parameters":{"sequence_id":7,"sequence_start":true,"sequence_end":false,"binary_data_output":true,"exit":"exit1"}}';
/** `PLAIN` and the zeros, by Python's gzip and zlib. */
const GZIP =
  "H4sIAKQ3CWsC/+3OMQ6DMAyF4Z7FMwthQTlA5+4IIVeN2gykUQgDRbk7oQfo3OH/5MXWs+VdfIhrXsQOuwSdnVjxsz6dNLK8NNZ+aJvOfGts5KFZ83aO5XrrTE1FTXUtu1Rv7HL3QdM2nbFp8Z+aa43p+1LGX8n3musTYnNaXSkXAAAAAAAAAAAAAAAAAAAAAADw9w4znyN3lDAAAA==";
const DEFLATE =
  "eJztzjEOgzAMheGexTMLYUE5QOfuCCFXjdoMpFEIA0W5O6EH6Nzh/+TF1rPlXXyIa17EDrsEnZ1Y8bM+nTSyvDTWfmibznxrbOShWfN2juV660xNRU11LbtUb+xy90HTNp2xafGfmmuN6ftSxl/J95rrE2JzWl0pFwAAAAAAAAAAAAAAAAAAAAAA8PcO5eEyLQ==";

let server: CloudServer;
let port: number;
let expected: Float32Array;
beforeAll(async () => {
  server = await buildServer(testConfig());
  await server.ready;
  await server.app.listen({ host: "127.0.0.1", port: 0 });
  port = (server.app.server.address() as AddressInfo).port;
  const zeros = floatTensor("image", [1, 32, 32, 3], new Float32Array(32 * 32 * 3));
  expected = scoresOf(await post(server.app, request([zeros])));
});
afterAll(() => server.close(0));

/** A request with these lines between agent and host, in the client's order. */
const send = (line: string, headers: readonly string[], body?: Buffer): Promise<RawAnswer> => {
  const length = body === undefined ? [] : [`content-length: ${body.length}`];
  const head = [`${line} HTTP/1.1`, AGENT, ...headers, `host: localhost:${port}`, ...length, "", ""];
  return sendBytes(port, Buffer.concat([Buffer.from(head.join("\r\n")), body ?? Buffer.alloc(0)]));
};
const framed = (json: string) => Buffer.concat([Buffer.from(json), ZEROS]);
const lengthOf = (json: string) => `${HEADER_LENGTH}: ${json.length}`;
const read = ({ headers, body }: RawAnswer) => {
  const length = headers[HEADER_LENGTH];
  return decodeResponse(new Uint8Array(body), length === undefined ? null : Number(length));
};
const scores = (answer: RawAnswer, at = 0) => new Float32Array(read(answer).outputs[at]!.data.slice().buffer);

describe("infer", () => {
  const path = "POST /v2/models/tiny/infer";

  test("plain", async () => {
    const answer = await send(path, [lengthOf(PLAIN)], framed(PLAIN));
    expect(answer.status).toBe(200);
    expect(scores(answer)).toEqual(expected);
  });

  test.each([
    ["gzip", GZIP, ["content-encoding: gzip", "accept-encoding: gzip"]],
    ["deflate", DEFLATE, ["content-encoding: deflate"]],
  ])("%s", async (_, packed, headers) => {
    const answer = await send(path, [...headers, lengthOf(PLAIN)], Buffer.from(packed, "base64"));
    expect(answer.status).toBe(200);
    expect(scores(answer)).toEqual(expected);
  });

  test("with outputs, classes, an id, a priority and a timeout", async () => {
    const answer = await send(path, [lengthOf(OUTPUTS)], framed(OUTPUTS));
    expect(answer.status).toBe(200);
    const jsonBytes = Number(answer.headers[HEADER_LENGTH]);
    const json = JSON.parse(answer.body.subarray(0, jsonBytes).toString());
    expect(json).toMatchObject({
      id: "42",
      outputs: [
        { name: "exit3", parameters: { binary_data_size: 40 } },
        { name: "exit1", datatype: "BYTES", shape: [1, 3], data: Array(3).fill(expect.any(String)) },
      ],
    });
    const bytes = new Uint8Array(answer.body.subarray(jsonBytes));
    expect(new Float32Array(bytes.buffer)).toEqual(expected);
  });

  test("with a sequence and a parameter of one's own", async () => {
    const answer = await send(path, [lengthOf(SEQUENCE)], framed(SEQUENCE));
    expect(read(answer).outputs[0]!.name).toBe("exit1");
  });

  test("with data in JSON, without the length of a header", async () => {
    const data = [...tinyImage().data];
    const input = { name: "image", shape: [1, 32, 32, 3], datatype: "UINT8", data };
    const answer = await send(path, [], Buffer.from(JSON.stringify({ inputs: [input] })));
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(scores(answer)).toEqual(scoresOf(await post(server.app, request([tinyImage()]))));
  });
});

test("everything else that it asks for", async () => {
  const asked = ["/v2/health/live", "/v2/health/ready", "/v2", "/v2/models/tiny", "/v2/models/tiny/ready"];
  for (const path of [...asked, "/v2/models/tiny/config", "/v2/models/tiny/stats", "/v2/models/stats"]) {
    expect((await send(`GET ${path}`, [])).status, path).toBe(200);
  }
  // It sends an empty body as none, without a length.
  const index = await send("POST /v2/repository/index", []);
  expect(JSON.parse(index.body.toString())).toMatchObject([{ name: "tiny", state: "READY" }]);
});
