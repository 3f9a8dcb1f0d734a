import { expect, test } from "vitest";
import { Arena } from "./arena.ts";

function setUp() {
  const made: string[] = [];
  const destroyed: string[] = [];
  const arena = new Arena<string>(
    (size) => {
      made.push(`${size}#${made.length}`);
      return made.at(-1)!;
    },
    (buffer) => destroyed.push(buffer),
  );
  return { arena, made, destroyed };
}

test("what a recording holds is apart; what it gives back, and what another took, is taken again", () => {
  const { arena, made } = setUp();
  const first = arena.open();
  const [a, b, c] = [first.take(16), first.take(16), first.take(32)];
  expect(new Set([a, b, c]).size).toBe(3);
  first.giveBack(a);
  expect(first.take(16)).toBe(a);
  expect(first.has(b)).toBe(true);
  expect(Object.fromEntries(first.needs)).toEqual({ 16: 2, 32: 1 });

  const second = arena.open();
  expect([second.take(16), second.take(16)]).toEqual([a, b]);
  expect(second.has(c)).toBe(false);
  const d = second.take(16);
  expect([a, b]).not.toContain(d);
  expect(made).toHaveLength(4);
  expect(arena.bytes).toBe(3 * 16 + 32);
});

test("with a recording goes what no other needs", () => {
  const { arena, destroyed } = setUp();
  const [small, large] = [arena.open(), arena.open()];
  const shared = small.take(16);
  expect(large.take(16)).toBe(shared);
  const own = [large.take(16), large.take(64)];
  arena.shrinkTo([small.needs, large.needs]);
  expect(destroyed).toEqual([]);
  arena.shrinkTo([small.needs]);
  expect(destroyed).toEqual(own);
  expect(arena.bytes).toBe(16);
  arena.shrinkTo([]);
  expect(destroyed).toEqual([...own, shared]);
  expect(arena.bytes).toBe(0);
});

test("what somebody keeps is neither taken again nor destroyed", () => {
  const { arena, destroyed } = setUp();
  const kept = arena.open().take(16);
  arena.abandon(kept);
  expect(arena.bytes).toBe(0);
  expect(arena.open().take(16)).not.toBe(kept);
  arena.shrinkTo([]);
  expect(destroyed).not.toContain(kept);
});
