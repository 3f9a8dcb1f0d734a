import { detoursOf, exitById, exitConfidence, hasClasses, topClass, USUAL_CODEC } from "#shared/model";
import type { TensorValues } from "#shared/runtime";
import type { CloudAsk, EncodedCut } from "../cloud/encode-cut.ts";
import { codecOf, type Job } from "./job.ts";

/**
 * Encodes what is for the cloud, and enters what that took: it is part of the head's time.
 *
 * @param timeoutMs so long a reply is waited for
 */
export async function encode(
  job: Job,
  cut: ReadonlyMap<string, TensorValues>,
  timeoutMs: number,
): Promise<EncodedCut> {
  const { kit, plan, stages, planning } = job;
  const start = performance.now();
  const ask = {
    exit: plan.exit,
    mayAnswerEarlier: planning?.mayAnswerEarlier === true,
    asked: saidOf(job),
    timeoutMs,
  };
  const encoded = await kit.encodeCut(kit.model, ask, cut, job.input.canvas, kit.coders, (name) => {
    const codec = codecOf(job, name);
    const isRaw = !job.encoded.has(name) && detoursOf(kit.model, { codecs: { [name]: codec } }).length > 0;
    // Its encoder was not ready when the head ran.
    return isRaw ? { ...USUAL_CODEC, deflate: codec.deflate } : codec;
  });
  await kit.engine()?.slowDown(`encode ${JSON.stringify(encoded.codecs)}`, start);
  job.requestBytes = encoded.frame.body.byteLength;
  job.codecs = encoded.codecs;
  stages.encodeMs = performance.now() - start;
  if (job.ran !== null) {
    const { plan: ran, ms } = job.ran;
    job.ran = { ...job.ran, plan: { ...ran, codecs: job.codecs }, ms: ms + stages.encodeMs };
  }
  return encoded;
}

/** What exits that were asked have said, by their own account: the service's answer is a label for that. */
function saidOf({ kit, asked }: Job): CloudAsk["asked"] {
  return asked.flatMap(({ exit, scores }) => {
    const described = exitById(kit.model.metadata, exit);
    const confidence = exitConfidence(scores, described);
    const isClass = hasClasses(described) && !Number.isNaN(confidence);
    return isClass ? [{ exit, classIndex: topClass(scores), confidence }] : [];
  });
}
