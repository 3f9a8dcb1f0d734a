import { expect, test } from "vitest";
import { Traffic } from "./traffic.ts";

test("downloads wait while anybody goes first, and go on when the last one is through", async () => {
  const traffic = new Traffic();
  await traffic.free();
  const [first, second] = [traffic.hold(), traffic.hold()];
  const events: string[] = [];
  const waiting = traffic.free().then(() => events.push("free"));
  first();
  first();
  await Promise.resolve();
  expect(traffic.isHeld).toBe(true);
  events.push("let go");
  second();
  await waiting;
  expect(events).toEqual(["let go", "free"]);
  await traffic.free();
});

test("it tells when downloads are on the wire, and now and then that bytes arrive", () => {
  let now = 0;
  const told: string[] = [];
  const traffic = new Traffic(() => now);
  traffic.listener = {
    onWire: (isOn) => told.push(isOn ? "on" : "off"),
    onArrival: () => told.push("bytes"),
  };
  const [one, other] = [traffic.begin(), traffic.begin()];
  for (now = 1; now <= 100; now++) traffic.arrived();
  one();
  now = 300;
  traffic.arrived();
  other();
  other();
  expect(told).toEqual(["on", "bytes", "bytes", "off"]);
  expect(traffic.heardMs).toBe(300);
});

test("whether a request shared the link is known afterwards", () => {
  let now = 0;
  const traffic = new Traffic(() => now);
  expect(traffic.wasOnSince(0)).toBe(false);
  now = 100;
  const end = traffic.begin();
  expect(traffic.wasOnSince(90)).toBe(true);
  now = 200;
  end();
  expect([150, 200, 201].map((sentMs) => traffic.wasOnSince(sentMs))).toEqual([true, true, false]);
});
