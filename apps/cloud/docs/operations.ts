import { STATUS_CODES } from "node:http";
import type { OpenAPIV3 } from "openapi-types";

/** A GET that answers JSON, and how it may fail. */
export function reads(
  summary: string,
  schema: string,
  statuses: readonly number[],
): { get: OpenAPIV3.OperationObject } {
  return { get: { summary, responses: { 200: answer("OK", schema), ...failures(statuses) } } };
}

export function answer(description: string, schema: string): OpenAPIV3.ResponseObject {
  return { description, content: jsonOf(schema) };
}

/** @param schema a name among the document's */
export function jsonOf(schema: string): Record<string, OpenAPIV3.MediaTypeObject> {
  return { "application/json": { schema: { $ref: `#/components/schemas/${schema}` } } };
}

export function withError(description: string): OpenAPIV3.ResponseObject {
  return answer(description, "inference_error_response");
}

export function failures(statuses: readonly number[]): OpenAPIV3.ResponsesObject {
  return Object.fromEntries(statuses.map((status) => [status, withError(STATUS_CODES[status] ?? "Failure")]));
}

export function plain(description: string): OpenAPIV3.ResponseObject {
  return { description, content: { "text/plain": { schema: { type: "string" } } } };
}

export function header(description: string): OpenAPIV3.HeaderObject {
  return { description, schema: { type: "string" } };
}

/** What stands in braces in a path. */
export function pathParameters(path: string): OpenAPIV3.ParameterObject[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  return names.map((name) => ({
    name,
    in: "path",
    required: true,
    description: DESCRIPTIONS[name] ?? "",
    schema: { type: "string" },
  }));
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  model:
    "A model's id, or the virtual name of a tail, MODEL~EXIT~CUT: the names of the cut's tensors are joined by + and " +
    "have : for /, such as tiny~exit2~block2:wide+block2:point.",
  version: "The hash of model and weights, as the metadata tell it, or its number in the statistics.",
};
