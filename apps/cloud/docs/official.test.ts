import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { OpenAPIV3 } from "openapi-types";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { openApi } from "./openapi.ts";

const LIST = fileURLToPath(new URL("../../../docs/open-inference.md", import.meta.url));
const OFFICIAL = [
  fileURLToPath(new URL("../../../../shared/oip/open_inference_rest.yaml", import.meta.url)),
  "/work/shared/oip/open_inference_rest.yaml",
].find(existsSync);

type Document = OpenAPIV3.Document;

test.skipIf(OFFICIAL === undefined)(
  "the differences to the official document are the ones that are listed (needs ../shared/oip)",
  () => {
    const official = parse(readFileSync(OFFICIAL!, "utf8")) as Document;
    const found = differences(openApi({ metrics: true }), official);
    const listed = [...readFileSync(LIST, "utf8").matchAll(/`([+-] [^`]+)`/g)].map(([, line]) => line!);
    expect(listed.sort()).toEqual(found.sort());
  },
);

/** What we have more (+) and less (-): operations, content, statuses, schemas, properties, required ones. */
function differences(ours: Document, official: Document): string[] {
  const [own, theirs] = [featuresOf(ours), featuresOf(official)];
  return [
    ...[...own]
      .filter((feature) => !theirs.has(feature) && !isInNew(feature, theirs))
      .map((one) => `+ ${one}`),
    ...[...theirs].filter((feature) => !own.has(feature) && !isInNew(feature, own)).map((one) => `- ${one}`),
  ];
}

/** Of an operation or a schema that only one of the two has, its name says enough. */
function isInNew(feature: string, others: ReadonlySet<string>): boolean {
  const at = feature.indexOf(": ");
  return at > 0 && !others.has(feature.slice(0, at));
}

function featuresOf({ paths, components = {} }: Document): Set<string> {
  const features: string[] = [];
  for (const [path, item] of Object.entries(paths)) {
    const plain = path.replaceAll(/\$?\{\w+\}/g, "{}").replace(/(.)\/$/, "$1");
    for (const method of ["get", "post"] as const) {
      const operation = item![method];
      if (operation === undefined) continue;
      const name = `${method.toUpperCase()} ${plain}`;
      features.push(name);
      const { content = {} } = (operation.requestBody ?? {}) as OpenAPIV3.RequestBodyObject;
      for (const type of Object.keys(content)) features.push(`${name}: takes ${type}`);
      for (const [status, reply] of Object.entries(operation.responses)) {
        features.push(`${name}: ${status}`);
        // Errors are JSON all over.
        if (status !== "200") continue;
        const types = Object.keys((reply as OpenAPIV3.ResponseObject).content ?? {});
        for (const type of types) features.push(`${name}: ${status} with ${type}`);
      }
    }
  }
  for (const [name, schema] of Object.entries(components.schemas ?? {})) {
    const { properties = {}, required = [] } = schema as OpenAPIV3.SchemaObject;
    features.push(name);
    for (const property of Object.keys(properties)) features.push(`${name}: has ${property}`);
    for (const property of required) features.push(`${name}: requires ${property}`);
  }
  return new Set(features);
}
