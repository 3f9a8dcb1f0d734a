import { expect, test } from "vitest";
import { callId, decodeCall, encodeCall, MAX_ENVELOPE_BYTES, type StreamCall } from "./stream-call.ts";
import { decodeReply, encodeReply, type StreamReply } from "./stream-reply.ts";

const call: StreamCall & { kind: "infer" } = {
  kind: "infer",
  id: 7,
  model: "tiny",
  version: "0123456789abcdef",
  encoding: "deflate",
  jsonBytes: 120,
  body: Uint8Array.from([1, 2, 3]),
};

test("calls come back as they were sent, at the ends of their ranges too", () => {
  const calls: StreamCall[] = [
    call,
    { ...call, id: 0, version: null, encoding: null, jsonBytes: null, body: new Uint8Array(0) },
    { ...call, id: 2 ** 32 - 1, encoding: "gzip", jsonBytes: 0, model: "é~exit1~a/b+c" },
    { ...call, model: "m".repeat(8192), version: "v".repeat(8192) },
    { kind: "cancel", id: 2 ** 32 - 1 },
  ];
  for (const sent of calls) expect(decodeCall(encodeCall(sent))).toEqual(sent);
});

test("a call may lie anywhere in memory, and no envelope is longer than is said", () => {
  const message = encodeCall({ ...call, model: "m".repeat(8192), version: "v".repeat(8192) });
  expect(message.byteLength - call.body.byteLength).toBe(MAX_ENVELOPE_BYTES);
  const memory = new Uint8Array(message.byteLength + 3);
  memory.set(message, 3);
  expect(decodeCall(memory.subarray(3))).toMatchObject({ id: 7, body: call.body });
});

test("replies come back as they were sent, times to a thousandth of a millisecond", () => {
  const reply: StreamReply & { kind: "reply" } = {
    kind: "reply",
    id: 2 ** 32 - 1,
    status: 200,
    jsonBytes: 99,
    times: { queueMs: 0.5, computeMs: 9.25, isStandIn: false, expectedQueueMs: 3.5 },
    retryAfterS: null,
    body: Uint8Array.from([9, 8]),
  };
  const replies: StreamReply[] = [
    reply,
    { ...reply, times: { queueMs: 0, computeMs: 0, isStandIn: true, expectedQueueMs: 0 } },
    { ...reply, status: 503, jsonBytes: null, times: null, retryAfterS: 1, body: new Uint8Array(0) },
    { kind: "leave" },
  ];
  for (const sent of replies) expect(decodeReply(encodeReply(sent))).toEqual(sent);
  const told = { queueMs: 1e-3, computeMs: 9999.999, isStandIn: false, expectedQueueMs: 0.1 };
  const { times } = decodeReply(encodeReply({ ...reply, times: told })) as typeof reply;
  expect(times!.queueMs).toBeCloseTo(1e-3, 6);
  expect(times!.computeMs).toBeCloseTo(9999.999, 3);
});

test("what is no envelope is refused with what was expected; its id is found where there is one", () => {
  const changed = (at: number, value: number) => {
    const message = encodeCall(call);
    message[at] = value;
    return message;
  };
  const cases: [Uint8Array, RegExp, number | null][] = [
    [new Uint8Array(0), /expected 16 bytes or more, got 0/, null],
    [encodeCall(call).subarray(0, 7), /expected 16 bytes or more, got 7/, null],
    [encodeCall(call).subarray(0, 15), /expected 16 bytes or more, got 15/, 7],
    [changed(0, 9), /kind: expected 1 or 2, got 9/, 7],
    [changed(1, 3), /encoding: expected 0, 1 or 2, got 3/, 7],
    [changed(14, 1), /zeros at byte 14/, 7],
    [changed(2, 200), /expected \d+ bytes or more, got \d+: truncated/, 7],
    [changed(3, 0x80), /names: expected at most 8192 bytes, got 32772 and 16/, 7],
    [changed(16, 0xff), /model: expected UTF-8/, 7],
    [changed(20, 0xff), /version: expected UTF-8/, 7],
  ];
  for (const [message, expected, id] of cases) {
    expect(() => decodeCall(message)).toThrow(expected);
    expect(callId(message)).toBe(id);
  }
  expect(() => decodeReply(new Uint8Array(27))).toThrow(/expected 28 bytes or more, got 27/);
  expect(() => decodeReply(new Uint8Array(28))).toThrow(/kind: expected 1 or 2, got 0/);
});
