import { expect, test } from "vitest";
import { SegmentNames } from "./segment-names.ts";

const segment = (name: string) => ({ nodes: [name], feeds: ["in"], outputs: [name] });

test("a segment is told once, and both sides stay alike however many there are", () => {
  const [here, there] = [new SegmentNames(), new SegmentNames()];
  let told = 0;
  for (let at = 0; at < 5000; at++) {
    // Some names come again soon, some late.
    const name = `segment ${(at * 37) % (at % 3 === 0 ? 2000 : 50)}`;
    const message = here.tell(name, segment(name));
    if (message !== null) told++;
    expect(there.hear(name, message)).toEqual(segment(name));
  }
  expect(told).toBeLessThan(2500);
});

test("a name that was never told is an error", () => {
  expect(() => new SegmentNames().hear("a", null)).toThrow("expected to be told");
});
