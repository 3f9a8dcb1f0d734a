import { EddiError } from "#shared/errors";
import { exitById, hasClasses, type ModelMetadata } from "#shared/model";
import type { Parameters } from "#shared/protocol";

/** An early exit that the client has asked about the image, and what it said. */
export interface EdgeExit {
  readonly exit: string;
  /** Index of its class. */
  readonly classIndex: number;
  /** How sure it was, 0..1, calibrated. */
  readonly confidence: number;
}

const FORM = /^([^:,]+):(\d{1,9}):(0|1|0?\.\d{1,9}|1\.0{1,9})$/;

/**
 * What the request says of exits that were asked on the edge: `asked_exits`, as `exit:class:confidence` with commas
 * between. The answer is a label for them, so that the operator sees what exits are worth on the images that come.
 *
 * @param images in the request
 * @throws EddiError `bad-argument` for anything else, several images, and exits and classes that the model has not;
 *   `not-found` for an exit that it has not
 */
export function readAskedExits(
  { asked_exits: text }: Parameters,
  metadata: ModelMetadata,
  images: number,
): readonly EdgeExit[] {
  if (text === undefined) return [];
  const refuse = (came: unknown): never => {
    const expected = "exit:class:confidence, for each exit that was asked about one image";
    throw new EddiError("bad-argument", `parameter asked_exits: expected ${expected}, got ${came}`);
  };
  if (typeof text !== "string" || images !== 1) return refuse(images === 1 ? text : `${images} images`);
  const parts = text.split(",");
  if (parts.length > metadata.exits.length) refuse(`${parts.length} exits`);
  return parts.map((part) => {
    const [, id = "", index, confidence] = FORM.exec(part) ?? refuse(JSON.stringify(part));
    const exit = exitById(metadata, id);
    const classIndex = Number(index);
    if (!hasClasses(exit) || classIndex >= metadata.labels.length) refuse(JSON.stringify(part));
    return { exit: id, classIndex, confidence: Number(confidence) };
  });
}
