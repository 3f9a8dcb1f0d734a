import { expect, test } from "vitest";
import { bar, makeStatusLine } from "./status-line.ts";

test("a bar is as long whatever its share", () => {
  expect(bar(0)).toBe(`[${".".repeat(24)}]`);
  expect(bar(0.5)).toBe(`[${"#".repeat(12)}${".".repeat(12)}]`);
  expect(bar(7)).toBe(`[${"#".repeat(24)}]`);
});

test("a terminal's line redraws itself; elsewhere one comes now and then", () => {
  for (const isTTY of [true, false]) {
    let written = "";
    let ms = 0;
    const line = makeStatusLine({ isTTY, write: (text) => (written += text) }, () => ms);
    line.update("one");
    line.update("two");
    ms = 40_000;
    line.update("three");
    line.note("done");
    expect(written).toBe(isTTY ? "\r\x1b[Kone\r\x1b[Ktwo\r\x1b[Kthree\r\x1b[Kdone\n" : "one\nthree\ndone\n");
  }
});
