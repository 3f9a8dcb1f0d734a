import { afterEach, expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import { Caller } from "./caller.ts";
import type { Channel } from "./messages.ts";
import { serve } from "./serve.ts";

type Request = { readonly kind: "double"; readonly value: number } | { readonly kind: "wait" };
interface Replies {
  double: number;
  wait: null;
}

let close = (): void => {};
afterEach(() => close());

function connect() {
  const { port1, port2 } = new MessageChannel();
  close = () => port1.close();
  const events: string[] = [];
  const cancelled: string[] = [];
  const emit = serve<Request, string>(port2 as unknown as Channel, async (request, signal) => {
    if (request.kind === "double") {
      if (request.value < 0) throw new EddiError("bad-argument", "expected 0 or more");
      return { reply: 2 * request.value };
    }
    await new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        cancelled.push("wait");
        reject(signal.reason);
      });
    });
    return { reply: null };
  });
  const caller = new Caller<Request, Replies, string>(port1 as unknown as Channel, (event) => {
    events.push(event);
  });
  port1.start();
  port2.start();
  return { caller, emit, events, cancelled };
}

test("replies find their calls, whatever their order", async () => {
  const { caller } = connect();
  const values = [1, 2, 3, 4];
  const replies = await Promise.all(values.map((value) => caller.call({ kind: "double", value })));
  expect(replies).toEqual([2, 4, 6, 8]);
});

test("an error crosses with its code and message", async () => {
  const { caller } = connect();
  await expect(caller.call({ kind: "double", value: -1 })).rejects.toMatchObject({
    code: "bad-argument",
    message: "expected 0 or more",
  });
});

test("events arrive beside replies", async () => {
  const { caller, emit, events } = connect();
  emit("hello");
  await caller.call({ kind: "double", value: 1 });
  expect(events).toEqual(["hello"]);
});

test("an aborted call rejects at once and is cancelled on the other side", async () => {
  const { caller, cancelled } = connect();
  const controller = new AbortController();
  const waiting = caller.call({ kind: "wait" }, { signal: controller.signal });
  controller.abort(new EddiError("cancelled", "enough"));
  await expect(waiting).rejects.toMatchObject({ code: "cancelled", message: "enough" });
  await caller.call({ kind: "double", value: 1 });
  expect(cancelled).toEqual(["wait"]);
});

test("a call whose signal was aborted before is cancelled, whatever the reason, and nothing is sent", async () => {
  const { caller, cancelled } = connect();
  for (const signal of [
    AbortSignal.abort(),
    AbortSignal.abort("why not"),
    AbortSignal.abort(new Error("x")),
  ]) {
    await expect(caller.call({ kind: "wait" }, { signal })).rejects.toMatchObject({ code: "cancelled" });
  }
  await caller.call({ kind: "double", value: 1 });
  expect(cancelled).toEqual([]);
});

test("closing rejects what is pending and all later calls", async () => {
  const { caller } = connect();
  const waiting = caller.call({ kind: "wait" });
  caller.close(new EddiError("internal", "the worker failed"));
  await expect(waiting).rejects.toMatchObject({ message: "the worker failed" });
  await expect(caller.call({ kind: "double", value: 1 })).rejects.toMatchObject({ code: "internal" });
});

test("a request that cannot be sent rejects its call only", async () => {
  const { caller } = connect();
  const bad = { kind: "double", value: (() => 1) as unknown as number } as const;
  await expect(caller.call(bad)).rejects.toThrow();
  expect(await caller.call({ kind: "double", value: 4 })).toBe(8);
});
