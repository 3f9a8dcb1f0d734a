import { EddiError } from "#shared/errors";
import { exitById } from "#shared/model";
import type { InferRequest } from "#shared/protocol";
import type { NamedModel } from "../models/named-model.ts";
import { modelKey } from "../models/registry.ts";
import type { Asker, Executor } from "../tails/executor.ts";
import { readInfer, type TailWork } from "./infer.ts";

export interface ExitLimits {
  /** Whose turn it takes. */
  readonly asker?: Asker;
  readonly maxBatch: number;
  readonly maxQueueMs: number;
  /** When the client stops to care, on the clock of `performance.now()`, for what the request says is left. */
  readonly finishBy: (timeoutMs: number) => number;
}

/** From this share of the queue's bound on, earlier exits are taken. */
const CALM = 0.5;

/**
 * The tail that a request gets: the one that it asks for or, where it allows that (`allow_earlier_exit`) and the
 * service would else be late or refuse, one to an earlier exit.
 *
 * An answer is worth more than none: of the exits whose cut the tensors are too, the latest is taken that is expected
 * within the request's time and whose work is no more than its share. That share falls from all of what was asked at
 * half of the queue's bound to nothing at the bound, so that the queue stops growing before requests are refused.
 *
 * @throws EddiError as `readInfer`; `bad-argument` when `allow_earlier_exit` is no boolean or several exits are asked
 */
export function chooseExit(
  named: NamedModel,
  request: InferRequest,
  executor: Pick<Executor, "forecast">,
  limits: ExitLimits,
): TailWork {
  const asked = readInfer(named, request, limits.maxBatch);
  if (!allowsEarlier(request, asked)) return asked;
  const images = asked.tensors[0]!.shape[0]!;
  const leftMs = limits.finishBy(asked.timeoutMs) - performance.now();
  const forecastOf = ({ segment }: TailWork) =>
    executor.forecast({ model: modelKey(named.model), segment, ...limits.asker }, images);
  const first = forecastOf(asked);
  const full = (first.waitMs - CALM * limits.maxQueueMs) / ((1 - CALM) * limits.maxQueueMs);
  const shareMs = first.runMs * (1 - Math.min(1, Math.max(0, full)));
  const fits = (work: TailWork): boolean => {
    const { waitMs, runMs, isGuess } = forecastOf(work);
    return runMs <= shareMs && (isGuess ? waitMs : waitMs + runMs) <= leftMs;
  };
  if (fits(asked)) return asked;
  const earlier = earlierWorks(named, request, asked, limits.maxBatch);
  return earlier.find(fits) ?? earlier.at(-1) ?? asked;
}

function allowsEarlier({ parameters }: InferRequest, { exits }: TailWork): boolean {
  const { allow_earlier_exit: allows = false } = parameters;
  if (typeof allows !== "boolean") {
    throw new EddiError(
      "bad-argument",
      `parameter allow_earlier_exit: expected true or false, got ${allows}`,
    );
  }
  if (allows && exits.length > 1) {
    const message = `allow_earlier_exit: expected one output, got ${exits.length}`;
    throw new EddiError("bad-argument", message);
  }
  return allows;
}

/** The same request for each exit before the asked one that its tensors lead to, latest first. */
function earlierWorks(
  named: NamedModel,
  request: InferRequest,
  asked: TailWork,
  maxBatch: number,
): TailWork[] {
  // A virtual name is that of one exit.
  if (named.tail !== null) return [];
  const { metadata } = named.model;
  const [{ id, node: _, ...how }] = asked.exits as [TailWork["exits"][number]];
  const before = metadata.exits.slice(0, metadata.exits.indexOf(exitById(metadata, id)));
  return before.reverse().flatMap((exit) => {
    try {
      const outputs = [{ name: exit.id, ...how }];
      return [{ ...readInfer(named, { ...request, outputs }, maxBatch), isEarlier: true }];
    } catch (thrown) {
      // The tensors lie behind it, or it needs but some of them: it is no way out.
      if (thrown instanceof EddiError && thrown.code === "bad-tensor") return [];
      throw thrown;
    }
  });
}
