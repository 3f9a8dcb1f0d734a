import { expect, test } from "vitest";
import { withSection } from "./card-section.ts";

const card = "# tiny\n\nText.\n\n## One\n\nfirst\n\n## Two\n\nsecond\n";

test("a section is replaced where it stands, added at the end, or left out; the others stay", () => {
  expect(withSection(card, "One", "\nnew\n")).toBe("# tiny\n\nText.\n\n## One\n\nnew\n\n## Two\n\nsecond\n");
  expect(withSection(card, "Three", "third")).toBe(`${card}\n## Three\n\nthird\n`);
  expect(withSection(card, "Two", null)).toBe("# tiny\n\nText.\n\n## One\n\nfirst\n");
  expect(withSection(card, "On", null)).toBe(card);
  expect(withSection(withSection(card, "Two", "x"), "Two", "second")).toBe(card);
});
