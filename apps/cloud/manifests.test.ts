import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject";
import Ajv from "ajv";
import { Deployment, type IDeployment } from "kubernetes-models/apps/v1/Deployment";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { ConfigMap } from "kubernetes-models/v1/ConfigMap";
import { Service } from "kubernetes-models/v1/Service";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { readConfig } from "./config.ts";
import { testConfig } from "./fixture.ts";
import { buildServer, type CloudServer, GRACE_MS } from "./server.ts";

const DEPLOY = fileURLToPath(new URL("../../deploy", import.meta.url));
const BASE = join(DEPLOY, "kubernetes", "base");
const KSERVE_SCHEMA = fileURLToPath(
  new URL("../../../shared/data/schemas/kserve-inferenceservice-v1beta1.schema.json", import.meta.url),
);
const SCHEMA = [KSERVE_SCHEMA, "/work/shared/data/schemas/kserve-inferenceservice-v1beta1.schema.json"].find(
  existsSync,
);

/** With all models: what the service takes itself, with what it holds of requests, and what each worker takes. */
const BASE_MB = 700;
const WORKER_MB = 175;

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Tree = { [key: string]: Json };
const read = <T = Tree>(...path: string[]): T => parse(readFileSync(join(DEPLOY, ...path), "utf8")) as T;

const KINDS = { Deployment, Service, PodDisruptionBudget, ConfigMap, ScaledObject } as const;
const OVERLAYS = ["cpu", "gpu"] as const;

/** What the checks of our own look at; each of base, overlays and KServe has one. */
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string | number };
}
interface Container {
  readonly image: string;
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly securityContext: Tree;
  readonly resources: {
    readonly requests: { readonly cpu: string };
    readonly limits: { readonly memory: string };
  };
}
interface Pod {
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: { readonly runAsNonRoot: boolean };
  readonly containers: readonly Container[];
}

/** As Kustomize merges a patch: maps by key, lists of named things by name, other lists are replaced. */
function merge(base: Json | undefined, patch: Json): Json {
  if (Array.isArray(patch) && Array.isArray(base)) {
    const nameOf = (item: Json) =>
      item !== null && typeof item === "object" ? (item as Tree).name : undefined;
    if (patch.some((item) => nameOf(item) === undefined)) return patch;
    const kept = base.map((item) => {
      const change = patch.find((one) => nameOf(one) === nameOf(item));
      return change === undefined ? item : merge(item, change);
    });
    return [...kept, ...patch.filter((one) => !base.some((item) => nameOf(item) === nameOf(one)))];
  }
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const from = (base ?? {}) as Tree;
  const changed = Object.entries(patch).map(([key, value]) => [key, merge(from[key], value)]);
  return { ...from, ...Object.fromEntries(changed) };
}

const baseDeployment = read("kubernetes", "base", "deployment.yaml");
const deployments: readonly (readonly [string, Tree])[] = [
  ["base", baseDeployment],
  ...OVERLAYS.map((overlay) => {
    const patch = read("kubernetes", "overlays", overlay, "deployment.yaml");
    return [overlay, merge(baseDeployment, patch) as Tree] as const;
  }),
];
const settings = read<{ data: Record<string, string> }>("kubernetes", "base", "config-map.yaml").data;
const inference = read<Tree & { spec: { predictor: Pod } }>("kserve", "inference-service.yaml");
const podOf = (tree: Tree): Pod =>
  (tree as unknown as { spec: { template: { spec: Pod } } }).spec.template.spec;
const pods: readonly (readonly [string, Pod, Record<string, string>])[] = [
  ...deployments.map(([name, tree]) => [name, podOf(tree), settings] as const),
  ["KServe", inference.spec.predictor, {}],
];

describe("every manifest follows its schema", () => {
  const { resources } = read<{ resources: string[] }>("kubernetes", "base", "kustomization.yaml");

  test("the base names all of its files", () => {
    const files = readdirSync(BASE).filter((file) => file !== "kustomization.yaml");
    expect([...resources].sort()).toEqual(files.sort());
  });

  test.each(resources)("%s", (file) => {
    const manifest = read("kubernetes", "base", file);
    const Kind = KINDS[manifest.kind as keyof typeof KINDS] as new (
      data: never,
    ) => {
      validate(): void;
      apiVersion: string;
    };
    const model = new Kind(manifest as never);
    expect(model.apiVersion).toBe(manifest.apiVersion);
    model.validate();
    expect(() => new Kind({ ...manifest, spec: "none", data: "none" } as never).validate()).toThrow();
  });

  test.each(deployments)("the deployment of %s", (_, tree) => {
    new Deployment(tree as unknown as IDeployment).validate();
  });

  test.skipIf(SCHEMA === undefined)(
    "the InferenceService (needs KServe's schema in shared/data/schemas)",
    () => {
      const validate = new Ajv({ strict: false, validateFormats: false }).compile(
        JSON.parse(readFileSync(SCHEMA!, "utf8")),
      );
      expect(validate(inference) || validate.errors).toBe(true);
      const spoiled = {
        ...inference,
        spec: { predictor: { ...inference.spec.predictor, minReplicas: "one" } },
      };
      expect(validate(spoiled)).toBe(false);
    },
  );
});

describe("manifests and service agree", () => {
  let server: CloudServer;
  beforeAll(async () => {
    server = await buildServer(testConfig());
  });
  afterAll(() => server.close());

  test.each(OVERLAYS)("the overlay %s changes what the base has", (overlay) => {
    const patch = read<{ kind: string; metadata: { name: string } }>(
      "kubernetes",
      "overlays",
      overlay,
      "deployment.yaml",
    );
    const { kind, metadata } = baseDeployment as unknown as typeof patch;
    expect([patch.kind, patch.metadata.name]).toEqual([kind, metadata.name]);
    const { images } = read<{ images: { name: string }[] }>(
      "kubernetes",
      "overlays",
      overlay,
      "kustomization.yaml",
    );
    expect(images.map(({ name }) => name)).toEqual([podOf(baseDeployment).containers[0]!.image]);
  });

  test.each(pods)("%s sets options that there are, to values that they take", (_, { containers }, shared) => {
    const own = Object.fromEntries((containers[0]!.env ?? []).map(({ name, value }) => [name, value]));
    const { PROTOCOL: _protocol, ...env } = { ...shared, ...own };
    const help = readConfig({}, ["--help"]) as { help: string };
    const unknown = Object.keys(env).filter((name) => {
      const option = name
        .replace(/^EDDI_/, "")
        .toLowerCase()
        .replaceAll("_", "-");
      return !name.startsWith("EDDI_") || !help.help.includes(`  --${option} `);
    });
    expect(unknown).toEqual([]);
    const config = readConfig(env, []);
    if ("help" in config) throw new Error("expected a configuration");
    expect(config.host).toBe("0.0.0.0");
    expect(containers[0]!.ports.map((port) => port.containerPort)).toEqual([config.port]);
  });

  test.each(pods.filter(([name]) => name !== "base"))(
    "%s has so many workers as it has cores and memory for",
    (_, { containers }, shared) => {
      const [{ env = [], resources }] = containers as [Container];
      const own = Object.fromEntries(env.map(({ name, value }) => [name, value]));
      const workers = Number({ ...shared, ...own }.EDDI_WORKERS);
      expect(workers).toBeGreaterThanOrEqual(1);
      expect(workers).toBeLessThanOrEqual(Number(resources.requests.cpu));
      const [, size, unit] = /^(\d+)(Mi|Gi)$/.exec(resources.limits.memory)!;
      const limitMb = Number(size) * (unit === "Gi" ? 1024 : 1);
      expect(BASE_MB + workers * WORKER_MB).toBeLessThan(limitMb);
    },
  );

  test.each(pods)("the probes of %s ask for paths that answer, on its port", async (_, { containers }) => {
    const [container] = containers;
    const [port] = container!.ports;
    for (const probe of [container!.startupProbe, container!.readinessProbe, container!.livenessProbe]) {
      const { statusCode } = await server.app.inject(probe.httpGet.path);
      expect([200, 503], probe.httpGet.path).toContain(statusCode);
      expect([port!.name, port!.containerPort]).toContain(probe.httpGet.port);
    }
    expect(container!.livenessProbe.httpGet.path).toBe("/v2/health/live");
    expect(container!.readinessProbe.httpGet.path).toBe("/v2/health/ready");
  });

  test.each(pods)("the grace period of %s lets the service drain", (_, pod, shared) => {
    const own = Object.fromEntries((pod.containers[0]!.env ?? []).map(({ name, value }) => [name, value]));
    const drainMs = Number({ ...shared, ...own }.EDDI_DRAIN_MS);
    expect(drainMs).toBeGreaterThan(0);
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(drainMs + GRACE_MS + 3_000);
  });

  test.each(pods)("%s runs without rights, on a file system that it cannot write", (_, pod) => {
    expect(pod.securityContext.runAsNonRoot).toBe(true);
    expect(pod.containers[0]!.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  });

  test("service, budget and autoscaler mean the deployment", () => {
    const { name } = (baseDeployment as unknown as { metadata: { name: string } }).metadata;
    const labels = (baseDeployment as unknown as { spec: { template: { metadata: { labels: Tree } } } }).spec
      .template.metadata.labels;
    type Selecting = { spec: { selector: Tree; ports: { targetPort: string }[] } };
    const service = read<Selecting>("kubernetes", "base", "service.yaml").spec;
    expect(labels).toMatchObject(service.selector);
    expect(service.ports[0]!.targetPort).toBe(podOf(baseDeployment).containers[0]!.ports[0]!.name);
    const budget = read<Selecting>("kubernetes", "base", "pod-disruption-budget.yaml").spec;
    expect(labels).toMatchObject(budget.selector.matchLabels as Tree);
    const scaled = read<{ spec: { scaleTargetRef: Tree } }>("kubernetes", "base", "scaled-object.yaml").spec;
    expect(scaled.scaleTargetRef.name).toBe(name);
  });
});
