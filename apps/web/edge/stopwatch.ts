import type { Stopwatch } from "#shared/evaluator";
import { codecJob } from "#shared/protocol";
import { timeInside, timeReadBack, timeWhole } from "#shared/runtime";
import type { Engine } from "./engine.ts";

const now = (): number => performance.now();

/** Times heads on the engine, each timing alone on it; without any slow-down. */
export function engineStopwatch(engine: Pick<Engine, "measure">): Stopwatch {
  return {
    whole: (segment, runs) => engine.measure((segments) => timeWhole(segments, segment, runs, now)),
    inside: (segment, runs) => engine.measure((segments) => timeInside(segments, segment, runs, now)),
    move: (elements, runs) => engine.measure(() => timeReadBack(elements, runs, now)),
    code: async (codec, elements, runs) => {
      const job = codecJob(codec, elements);
      const start = now();
      for (let i = 0; i < runs; i++) job.encode();
      return (now() - start) / runs;
    },
  };
}
