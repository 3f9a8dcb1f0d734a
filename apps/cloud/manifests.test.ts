import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject";
import Ajv from "ajv";
import { Deployment, type IDeployment } from "kubernetes-models/apps/v1/Deployment";
import { Ingress } from "kubernetes-models/networking.k8s.io/v1/Ingress";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { ConfigMap } from "kubernetes-models/v1/ConfigMap";
import { Service } from "kubernetes-models/v1/Service";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { HEADER_LENGTH } from "#shared/protocol";
import { newKey } from "./guard/keys.ts";
import { listenForManagement } from "./management.ts";
import { readConfig } from "./options/config.ts";
import { buildServer, type CloudServer, GRACE_MS } from "./server.ts";
import { testConfig } from "./testing/fixture.ts";

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

/**
 * What we use of a PodMonitor, as prometheus-operator's monitoring.coreos.com/v1 has it; its whole schema is in no
 * package of ours.
 */
class PodMonitor {
  private static readonly check = new Ajv().compile({
    type: "object",
    required: ["apiVersion", "kind", "metadata", "spec"],
    properties: {
      apiVersion: { const: "monitoring.coreos.com/v1" },
      kind: { const: "PodMonitor" },
      spec: {
        type: "object",
        required: ["podMetricsEndpoints", "selector"],
        additionalProperties: false,
        properties: {
          selector: { type: "object", required: ["matchLabels"] },
          podMetricsEndpoints: {
            type: "array",
            items: {
              type: "object",
              additionalProperties: false,
              properties: {
                port: { type: "string" },
                path: { type: "string" },
                interval: { type: "string", pattern: "^[0-9]+(ms|s|m)$" },
                authorization: {
                  type: "object",
                  additionalProperties: false,
                  properties: {
                    type: { type: "string" },
                    credentials: {
                      type: "object",
                      additionalProperties: false,
                      required: ["key"],
                      properties: { name: { type: "string" }, key: { type: "string" } },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  });
  readonly apiVersion = "monitoring.coreos.com/v1";
  private readonly data: unknown;

  constructor(data: unknown) {
    this.data = data;
  }

  validate(): void {
    if (!PodMonitor.check(this.data)) throw new Error(JSON.stringify(PodMonitor.check.errors));
  }
}

const KINDS = {
  ConfigMap,
  Deployment,
  Ingress,
  NetworkPolicy,
  PodDisruptionBudget,
  PodMonitor,
  ScaledObject,
  Service,
} as const;
const OVERLAYS = ["cpu", "gpu"] as const;
const INGRESS = join("components", "ingress");

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

interface Policy {
  readonly podSelector: { readonly matchLabels: Tree };
  readonly policyTypes: readonly string[];
  readonly ingress: readonly {
    readonly from: readonly {
      readonly namespaceSelector: { readonly matchLabels: Record<string, string> };
    }[];
    readonly ports: readonly Tree[];
  }[];
  readonly egress: readonly Tree[];
}
type Routing = Readonly<Record<string, string>>;
type TritonTails = Tree & {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly predictor: {
      readonly model: Readonly<Record<"startupProbe" | "readinessProbe" | "livenessProbe", Probe>> & Tree;
    };
  };
};
interface Monitor {
  readonly selector: { readonly matchLabels: Tree };
  readonly podMetricsEndpoints: readonly {
    readonly port: string;
    readonly path: string;
    readonly authorization: {
      readonly type: string;
      readonly credentials: { readonly name: string; readonly key: string };
    };
  }[];
}
interface Routes {
  readonly ingressClassName: string;
  readonly tls: readonly Tree[];
  readonly rules: readonly {
    readonly host: string;
    readonly http: {
      readonly paths: readonly {
        readonly path: string;
        readonly pathType: "Exact" | "Prefix";
        readonly backend: { readonly service: Tree };
      }[];
    };
  }[];
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
/** Tails on somebody else's server, and what lets pages in to it. */
const [tritonTails, tritonIngress] = parseAllDocuments(
  readFileSync(join(DEPLOY, "kserve", "triton-tails.yaml"), "utf8"),
).map((document) => document.toJS()) as [
  TritonTails,
  Tree & { metadata: { annotations: Routing }; spec: Routes },
];
const podOf = (tree: Tree): Pod =>
  (tree as unknown as { spec: { template: { spec: Pod } } }).spec.template.spec;
const pods: readonly (readonly [string, Pod, Record<string, string>])[] = [
  ...deployments.map(([name, tree]) => [name, podOf(tree), settings] as const),
  ["KServe", inference.spec.predictor, {}],
];

describe("every manifest follows its schema", () => {
  const { resources } = read<{ resources: string[] }>("kubernetes", "base", "kustomization.yaml");
  const files = [...resources.map((file) => ["base", file] as const), [INGRESS, "ingress.yaml"] as const];

  test("the base names all of its files", () => {
    const files = readdirSync(BASE).filter((file) => file !== "kustomization.yaml");
    expect([...resources].sort()).toEqual(files.sort());
  });

  test.each(files)("%s/%s", (folder, file) => {
    const manifest = read("kubernetes", folder, file);
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
    "the InferenceServices (needs KServe's schema in shared/data/schemas)",
    () => {
      const validate = new Ajv({ strict: false, validateFormats: false }).compile(
        JSON.parse(readFileSync(SCHEMA!, "utf8")),
      );
      for (const one of [inference, tritonTails]) expect(validate(one) || validate.errors).toBe(true);
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
  let management: string | null;
  beforeAll(async () => {
    server = await buildServer(testConfig());
    await server.app.ready();
    management = await listenForManagement(server, { host: "127.0.0.1", managementPort: 0 });
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
    const named = containers[0]!.ports.map((port) => port.containerPort);
    expect(named[0]).toBe(config.port);
    expect([[config.port], [config.port, config.managementPort]]).toContainEqual(named);
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

  test.each(pods)("the probes of %s ask for paths that answer, on its management port", async (...pod) => {
    const [, { containers }, shared] = pod;
    const [container] = containers;
    const own = Object.fromEntries((container!.env ?? []).map(({ name, value }) => [name, value]));
    const managementPort = Number({ ...shared, ...own }.EDDI_MANAGEMENT_PORT);
    expect(managementPort).toBeGreaterThan(0);
    const named = container!.ports.find(({ containerPort }) => containerPort === managementPort)?.name;
    for (const probe of [container!.startupProbe, container!.readinessProbe, container!.livenessProbe]) {
      const { status } = await fetch(`${management}${probe.httpGet.path}`);
      expect([200, 503], probe.httpGet.path).toContain(status);
      expect([named, managementPort]).toContain(probe.httpGet.port);
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

  const labelsOfPods = (baseDeployment as unknown as { spec: { template: { metadata: { labels: Tree } } } })
    .spec.template.metadata.labels;

  /** The ports of the pods, by what they are for. */
  const [http, forManagement] = podOf(baseDeployment).containers[0]!.ports.map(({ name }) => name);

  test("the network policy lets in whom the others need, each to its port, and lets nothing out", () => {
    const { spec } = read<{ spec: Policy }>("kubernetes", "base", "network-policy.yaml");
    expect(labelsOfPods).toMatchObject(spec.podSelector.matchLabels);
    expect([spec.policyTypes, spec.egress]).toEqual([["Ingress", "Egress"], []]);
    const allowed = spec.ingress.flatMap(({ from, ports }) =>
      from.map(({ namespaceSelector }) => ({
        from: namespaceSelector.matchLabels["kubernetes.io/metadata.name"],
        ports,
      })),
    );
    const { ingressClassName } = read<{ spec: Routes }>("kubernetes", INGRESS, "ingress.yaml").spec;
    const scaled = readFileSync(join(BASE, "scaled-object.yaml"), "utf8");
    const [, prometheus] = /serverAddress: http:\/\/[^.]+\.([^.]+)\.svc/.exec(scaled) ?? [];
    expect(allowed).toEqual([
      { from: `ingress-${ingressClassName}`, ports: [{ protocol: "TCP", port: http }] },
      { from: prometheus, ports: [{ protocol: "TCP", port: forManagement }] },
    ]);
  });

  test("Prometheus asks for the metrics with a key, and gets them only so", async () => {
    const { spec } = read<{ spec: Monitor }>("kubernetes", "base", "pod-monitor.yaml");
    expect(labelsOfPods).toMatchObject(spec.selector.matchLabels);
    const [endpoint, ...others] = spec.podMetricsEndpoints;
    expect(others).toEqual([]);
    expect(endpoint!.port).toBe(forManagement);
    const { type, credentials } = endpoint!.authorization;
    const readme = readFileSync(join(DEPLOY, "README.md"), "utf8");
    expect(readme).toContain(`create secret generic ${credentials.name} --from-literal=${credentials.key}=`);
    const { key, line } = newKey("prometheus");
    const dir = mkdtempSync(join(tmpdir(), "eddi-keys-"));
    writeFileSync(join(dir, "keys"), line);
    const guarded = await buildServer(testConfig({ keysFile: join(dir, "keys") }));
    try {
      await guarded.app.ready();
      const url = await listenForManagement(guarded, { host: "127.0.0.1", managementPort: 0 });
      const ask = async (headers: Record<string, string>) =>
        (await fetch(`${url}${endpoint!.path}`, { headers })).status;
      expect([await ask({ authorization: `${type} ${key}` }), await ask({})]).toEqual([200, 401]);
    } finally {
      await guarded.close(0);
      rmSync(dir, { recursive: true });
    }
  });

  test("the ingress has TLS for its host, and lets through what the page and clients need, but no metrics", () => {
    const { spec } = read<{ spec: Routes }>("kubernetes", INGRESS, "ingress.yaml");
    const [rule, ...others] = spec.rules;
    expect(others).toEqual([]);
    expect(spec.tls).toEqual([{ hosts: [rule!.host], secretName: expect.any(String) }]);
    const { metadata, spec: service } = read<{ metadata: Tree; spec: { ports: { name: string }[] } }>(
      ...["kubernetes", "base", "service.yaml"],
    );
    for (const { backend } of rule!.http.paths) {
      expect(backend.service).toEqual({ name: metadata.name, port: { name: service.ports[0]!.name } });
    }
    const isLetThrough = (path: string) =>
      rule!.http.paths.some((one) =>
        one.pathType === "Exact" ? path === one.path : path === one.path || path.startsWith(`${one.path}/`),
      );
    const needed = ["/", "/index.html", "/assets/index.js", "/models/tiny/model.json", "/samples/index.json"];
    for (const path of [...needed, "/docs", "/docs/json", "/v2", "/v2/stream", "/v2/health/ready"]) {
      expect(isLetThrough(path), path).toBe(true);
    }
    expect(isLetThrough("/metrics")).toBe(false);
    const component = read("kubernetes", INGRESS, "kustomization.yaml");
    expect(component).toMatchObject({ kind: "Component", resources: ["ingress.yaml"] });
    const patch = read<{ kind: string; metadata: Tree; data: Record<string, string> }>(
      ...["kubernetes", INGRESS, "config-map.yaml"],
    );
    expect([patch.kind, patch.metadata.name]).toEqual(["ConfigMap", "eddi-cloud"]);
    const config = readConfig({ ...settings, ...patch.data }, []);
    expect(config).toMatchObject({ trustedProxies: 1 });
  });

  test("Triton gets the repository as it is written, by the protocol that the client speaks, and is asked as the service is", async () => {
    const { model } = tritonTails.spec.predictor;
    expect(model).toMatchObject({
      modelFormat: { name: "triton" },
      protocolVersion: "v2",
      storageUri: expect.stringMatching(/^pvc:\/\/[a-z-]+\/repository$/),
    });
    for (const probe of [model.startupProbe, model.readinessProbe, model.livenessProbe]) {
      const { status } = await fetch(`${management}${probe.httpGet.path}`);
      expect([200, 503], probe.httpGet.path).toContain(status);
    }
  });

  test("the ingress before Triton lets pages send and read what the client needs, and nothing else through", () => {
    new Ingress(tritonIngress as never).validate();
    const { metadata, spec } = tritonIngress;
    const [rule] = spec.rules;
    expect(spec.tls).toEqual([{ hosts: [rule!.host], secretName: expect.any(String) }]);
    const paths = rule!.http.paths.map(({ path, backend: { service } }) => [path, service.name]);
    expect(paths).toEqual([["/v2", `${tritonTails.metadata.name}-predictor`]]);
    const cors = (name: string) =>
      metadata.annotations[`nginx.ingress.kubernetes.io/cors-${name}`]!.split(", ");
    expect(cors("allow-headers")).toEqual(["authorization", "content-type", HEADER_LENGTH]);
    expect(cors("expose-headers")).toEqual([HEADER_LENGTH]);
    expect(cors("allow-methods")).toEqual(["GET", "POST", "OPTIONS"]);
  });

  test("service, budget and autoscaler mean the deployment", () => {
    const { name } = (baseDeployment as unknown as { metadata: { name: string } }).metadata;
    type Selecting = { spec: { selector: Tree; ports: { targetPort: string }[] } };
    const service = read<Selecting>("kubernetes", "base", "service.yaml").spec;
    expect(labelsOfPods).toMatchObject(service.selector);
    expect(service.ports[0]!.targetPort).toBe(podOf(baseDeployment).containers[0]!.ports[0]!.name);
    const budget = read<Selecting>("kubernetes", "base", "pod-disruption-budget.yaml").spec;
    expect(labelsOfPods).toMatchObject(budget.selector.matchLabels as Tree);
    const scaled = read<{ spec: { scaleTargetRef: Tree } }>("kubernetes", "base", "scaled-object.yaml").spec;
    expect(scaled.scaleTargetRef.name).toBe(name);
  });
});

describe.each(["Containerfile.cpu", "Containerfile.gpu"])("%s", (file) => {
  const text = readFileSync(join(DEPLOY, file), "utf8").replaceAll("\\\n", "");
  const args = Object.fromEntries(
    [...text.matchAll(/^ARG (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]),
  );
  const stages = text.split(/^FROM /m).slice(1);
  const [build, final] = stages as [string, string];

  test("names every base by its digest, Node by a version that is supported", () => {
    expect(stages).toHaveLength(2);
    const bases = stages.map((stage) => /^\$\{(\w+)\}/.exec(stage)?.[1] ?? "none").map((name) => args[name]);
    for (const base of bases) expect(base).toMatch(/^[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/);
    expect(args.NODE_IMAGE).toMatch(/^node:24\.\d+\.\d+-bookworm-slim@/);
    const other = readFileSync(join(DEPLOY, "Containerfile.cpu"), "utf8");
    expect(other).toContain(`ARG NODE_IMAGE=${args.NODE_IMAGE}\n`);
  });

  test("runs what the build has made by Node alone: no sources, no TypeScript, no tool that builds", () => {
    expect(build).toContain("npm run build && npm run build:cloud && npm prune --omit=dev");
    const { scripts } = JSON.parse(readFileSync(join(DEPLOY, "..", "package.json"), "utf8"));
    expect(scripts["build:cloud"]).toContain("vite.cloud.config.ts");
    expect(final).toMatch(/^ENTRYPOINT \["node", "dist\/cloud\/main.js"\]$/m);
    const copied = [...final.matchAll(/^COPY (?:--from=build \/app\/)?(\S+)/gm)].map(([, from]) => from);
    expect(copied.sort()).toEqual(expect.arrayContaining(["dist", "models", "node_modules", "package.json"]));
    expect(copied.filter((from) => /^(shared|apps|tsconfig)/.test(from!))).toEqual([]);
    expect(final).not.toMatch(/tsx|npm (ci|install|run)|apt-get/);
    expect(final).toMatch(/^USER node$/m);
  });
});
