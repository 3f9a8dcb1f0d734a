import { EddiError } from "#shared/errors";
import {
  type Exit,
  exitById,
  exitWidth,
  imageShape,
  type Model,
  NAME_SIGNS,
  tailOf,
  virtualName,
} from "#shared/model";
import type { Registry } from "./registry.ts";

/** What a model's name in a path means: a whole model, or one of its tails as a model of its own. */
export interface NamedModel {
  readonly model: Model;
  /** As answers tell it. */
  readonly name: string;
  readonly inputs: readonly Port[];
  /** What may be asked for, earliest exit first. */
  readonly outputs: readonly Port[];
  /** Of a virtual name; null for the whole model. */
  readonly tail: NamedTail | null;
}

/** A tensor that goes in or comes out: float32. */
export interface Port {
  readonly name: string;
  /** Without the batch axis. */
  readonly shape: readonly number[];
}

export interface NamedTail {
  readonly exit: Exit;
  /** Names of its tensors, in topological order. */
  readonly cut: readonly string[];
}

/**
 * Finds what `MODEL` or the virtual name `MODEL~EXIT~CUT` stands for. CUT is the names of the cut's tensors, joined
 * by `+`; as common clients send a slash in a model's name unescaped, `:` may stand for `/`, and answers write it so.
 *
 * @param version as `Registry.find`
 * @throws EddiError as `Registry.find`; `not-found` for an unknown exit, and when there is no such tail, saying why
 */
export function findNamed(registry: Registry, name: string, version: string | null): NamedModel {
  const [id, exitId, cutText, ...more] = name.split(NAME_SIGNS.betweenParts);
  const { model } = registry.find(id!, version);
  if (exitId === undefined) return wholeModel(model);
  if (cutText === undefined || more.length > 0) {
    throw new EddiError("not-found", `expected a model or MODEL~EXIT~CUT, got ${name}`);
  }
  const exit = exitById(model.metadata, exitId);
  const asked = cutText.split(NAME_SIGNS.betweenTensors).map((text) => tensorNamed(model, text));
  return namedTail(model, exit, feedsOf(model, asked, exit));
}

/** The id of the model in a name, virtual or not. */
export function modelIdOf(name: string): string {
  return name.split(NAME_SIGNS.betweenParts, 1)[0]!;
}

function wholeModel(model: Model): NamedModel {
  const { id, input, exits } = model.metadata;
  return {
    model,
    name: id,
    inputs: [{ name: input.node, shape: imageShape(input) }],
    outputs: exits.map((exit) => ({ name: exit.id, shape: [exitWidth(model.metadata, exit)] })),
    tail: null,
  };
}

function namedTail(model: Model, exit: Exit, cut: readonly string[]): NamedModel {
  const { tensors } = model.metadata;
  return {
    model,
    name: virtualName(model.metadata.id, exit.id, cut),
    inputs: cut.map((name) => ({ name, shape: tensors[name]!.shape })),
    outputs: [{ name: exit.id, shape: [exitWidth(model.metadata, exit)] }],
    tail: { exit, cut },
  };
}

function tensorNamed({ dag }: Model, text: string): string {
  return dag.names.includes(text) ? text : text.replaceAll(NAME_SIGNS.forSlash, "/");
}

/** A name that leads nowhere is not found; as tensors of a request the same would be a bad request. */
function feedsOf(model: Model, cut: readonly string[], exit: Exit): readonly string[] {
  try {
    return tailOf(model, cut, exit.id).feeds;
  } catch (cause) {
    throw new EddiError("not-found", `no such tail of ${model.metadata.id}: ${(cause as Error).message}`, {
      cause,
    });
  }
}
