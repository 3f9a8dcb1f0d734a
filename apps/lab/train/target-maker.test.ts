import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { targetMaker } from "./target-maker.ts";

describe("targets", () => {
  const wanted = tf.tensor2d([[0, 1]]);
  /** Exits that give the first class these probabilities. */
  const exits = [0.9, 0.5].map((p) => tf.tensor2d([[Math.log(p), Math.log(1 - p)]]));
  const firstClass = (targets: readonly tf.Tensor2D[]): number[] =>
    targets.map((target) => target.dataSync()[0]!);

  test("the last exit teaches the earlier ones and learns from the labels alone", () => {
    const [early, last] = firstClass(targetMaker(tf, [1, 3])(wanted, exits, { teacher: "last", share: 0.2 }));
    expect(early).toBeCloseTo(0.2 * 0.5, 6);
    expect(last).toBe(0);
  });

  test("all exits together teach every one, each with its weight", () => {
    const targets = firstClass(targetMaker(tf, [1, 3])(wanted, exits, { teacher: "all", share: 0.4 }));
    for (const one of targets) expect(one).toBeCloseTo((0.4 * (0.9 + 3 * 0.5)) / 4, 6);
    expect(targets).toHaveLength(2);
  });

  test("nobody teaches with no share, and the teacher takes no gradient", () => {
    const make = targetMaker(tf, [1, 3]);
    expect(firstClass(make(wanted, exits, { teacher: "all", share: 0 }))).toEqual([0, 0]);
    const gradient = tf.grad((logits) =>
      make(wanted, [logits as tf.Tensor2D, exits[1]!], { teacher: "all", share: 0.4 })[0]!
        .square()
        .sum(),
    )(exits[0]!);
    expect([...gradient.dataSync()]).toEqual([0, 0]);
  });
});
