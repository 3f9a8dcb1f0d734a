import { randomFor } from "#shared/random";
import type { ExitScores } from "./exit-scores.ts";

/**
 * For tests: exits that know how sure they may be. A photo's label is drawn from the very probabilities that
 * softmax(logits) gives; the scores are softmax(logits * temperature), so that fitting finds the temperature.
 * Later exits are surer and so more often right; what is hard for one is hard for all.
 */
export function drawnScores(photos: number, temperatures: readonly number[], seed: number): ExitScores {
  const classes = 10;
  const random = randomFor(seed, 1, 0);
  const labels = new Uint8Array(photos);
  const scores = temperatures.map(() => new Float32Array(photos * classes));
  for (let photo = 0; photo < photos; photo++) {
    const truth = Math.floor(random() * classes);
    labels[photo] = truth;
    const ease = 6 * random();
    temperatures.forEach((temperature, exit) => {
      // Of logits that are `sure` for one class and 0 for the others, that class is right with its probability.
      const sure = ease * (0.5 + 0.5 * exit);
      const chance = Math.exp(sure) / (Math.exp(sure) + classes - 1);
      const wrong = (truth + 1 + Math.floor(random() * (classes - 1))) % classes;
      const picked = random() < chance ? truth : wrong;
      const row = Array.from({ length: classes }, (_, at) =>
        Math.exp(at === picked ? sure * temperature : 0),
      );
      const sum = row.reduce((a, b) => a + b);
      scores[exit]!.set(
        row.map((value) => value / sum),
        photo * classes,
      );
    });
  }
  return { classes, labels, scores };
}
