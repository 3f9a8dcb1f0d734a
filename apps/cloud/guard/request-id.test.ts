import { expect, test } from "vitest";
import { requestId } from "./request-id.ts";

const given = (id: string) => requestId({ headers: { "x-request-id": id } });

test("a sane id is kept", () => {
  for (const id of ["7", "0190c2a4-7b7e-7000-8000-000000000000", "Root:1-5e1b4151.x_y"]) {
    expect(given(id)).toBe(id);
  }
});

test("without one, or for one that is not sane, a new one is made", () => {
  const ids = ["", "x".repeat(65), "two words", 'a"b', "a\u001b[31m", "<b>"].map(given);
  ids.push(requestId({ headers: {} }));
  for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(new Set(ids).size).toBe(ids.length);
});
