import { type CodecName, codedBytes, type ImageCodecName, isFittedCodec, isImageCodec } from "#shared/codecs";
import { EddiError } from "#shared/errors";
import { ancestors, type Dag, subgraph } from "#shared/graph";
import {
  type Catalogue,
  type Detour,
  type Exit,
  elementCount,
  HEADER_BYTES,
  type Model,
  measuredWorth,
  type Transport,
  USUAL_CODEC,
  type WireCodec,
} from "#shared/model";
import type { Profile, Role } from "#shared/profile";
import { codecMs, deflateMs, moveMs, type Transfer } from "#shared/profile";
import { detourMs } from "./detour-ms.ts";
import { type LossyWay, lossyWays } from "./lossy-wire.ts";
import { chooseServed, SERVED_MODES } from "./served-wire.ts";
import { type ChosenCodec, chooseCodecs, forceCodec, type Wire, type WireMode, wireModes } from "./wire.ts";

/** What an exit's plans cost, whatever the conditions: the exit's DAG with its weights. */
export interface ExitCosts {
  /** Exit id. */
  readonly exit: string;
  /** Position among the model's exits, earliest 0. */
  readonly position: number;
  /** Top-1, 0..1; null when not measured. Of models without labels, see `measuredWorth`. */
  readonly accuracy: number | null;
  /** The exit's node and its ancestors: node 0 is the input, the last node is the exit's. */
  readonly dag: Dag;
  /** By node: time on the profiled edge device; 0 for the input. The exit's includes reading back its scores. */
  readonly edgeMs: readonly number[];
  /** By node: time on the profiled cloud machine; 0 for the input. */
  readonly cloudMs: readonly number[];
  /**
   * By node: bytes that its tensor adds to a request, with its part of the header; infinitely many where the cloud has no
   * tail that begins with it.
   */
  readonly wireBytes: readonly number[];
  /** By node: time on the profiled edge device to read its tensor back from the backend and to encode it. */
  readonly edgeCutMs: readonly number[];
  /** By node: time on the profiled cloud machine to decode its tensor and to hand it to the backend. */
  readonly cloudCutMs: readonly number[];
  /** Paid by every head that computes something. */
  readonly edgeFixedMs: number;
  /** Paid by every tail: the call, and reading back the scores. */
  readonly cloudFixedMs: number;
  /** Bytes of a request beside its tensors. */
  readonly requestBytes: number;
  readonly resultBytes: number;
  /** How tensors travel; absent where costs do not come from a model. */
  readonly wire?: Wire;
  /** Nodes beside the DAG's that a head needs on the edge where its tensor is sent: a learned codec's encoder. */
  readonly beside?: readonly string[];
}

export interface CostOptions {
  /** One for all tensors; null for those that were measured to be best. */
  readonly codec: WireCodec | null;
  /** Without a codec: the ways to choose them. All that the model has, if not given. */
  readonly modes?: readonly WireMode[];
  /** Those that the edge can encode; all, if not given. */
  readonly imageCodecs?: readonly ImageCodecName[];
  /** Whether the service decodes codecs that were fitted to tensors; it does, if not given. */
  readonly mayFit?: boolean;
  /** What the cloud has where it is no service of ours, which runs every tail; null, if not given. */
  readonly catalogue?: Catalogue | null;
  /** How requests go to the cloud; by `fetch`, if not given. */
  readonly transport?: Transport;
}

/** JSON that describes one tensor, its quantisation included, beside three times its name; and what deflate leaves. */
const TENSOR_BYTES = { plain: 155, deflated: 130 } as const;
const NAME_BYTES = { plain: 3, deflated: 1.5 } as const;
/** The rest of the JSON. */
const REQUEST_BYTES = { plain: 105, deflated: 115 } as const;
/** JSON of a reply, and what one score takes. */
const RESULT_BYTES = 350;
const SCORE_BYTES = 4;

/**
 * The costs of every exit, earliest first; of several ways to choose codecs one after the other.
 *
 * @param edgeProfile  of heads; any device's: the conditions' scale corrects it
 * @param cloudProfile of tails
 * @throws EddiError `bad-profile` when a profile is not this model's, has the other role or lacks a node
 */
export function exitCosts(
  model: Model,
  edgeProfile: Profile,
  cloudProfile: Profile,
  { codec, modes, imageCodecs, mayFit = true, catalogue = null, transport = "fetch" }: CostOptions,
): readonly ExitCosts[] {
  const machines: Machines = {
    edge: edgeProfile,
    cloud: cloudProfile,
    edgeMs: nodeTimes(model, edgeProfile, "head"),
    cloudMs: nodeTimes(model, cloudProfile, "tail"),
    transport,
  };
  const { exits } = model.metadata;
  if (codec !== null) {
    return exits.map((exit) => {
      const forced =
        catalogue === null
          ? forceCodec(model, exit.id, codec, imageCodecs, mayFit)
          : chooseServed(model, exit.id, catalogue, codec);
      return withDetours(model, machines, costsOfExit(model, machines, exit, "forced", forced), forced);
    });
  }
  const lossy = modes === undefined && catalogue === null ? lossyWays(model, imageCodecs, mayFit) : [];
  const seen = new Set<string>();
  const ways = modes ?? (catalogue === null ? wireModes(model) : SERVED_MODES);
  const tolerable = ways.flatMap((mode) => {
    if (mode === "fitted" && !mayFit) return [];
    const chosen = exits.map(({ id }) =>
      catalogue === null
        ? chooseCodecs(model, id, mode, imageCodecs)
        : chooseServed(model, id, catalogue, mode),
    );
    // A way that comes to the same as one before is none.
    const key = JSON.stringify(chosen);
    if (seen.has(key)) return [];
    seen.add(key);
    return exits.map((exit, at) => costsOfExit(model, machines, exit, mode, chosen[at]!));
  });
  return [...tolerable, ...lossy.flatMap((way) => lossyCosts(model, machines, way))];
}

/** Of the exits that the way leads to: nothing but its tensor crosses. */
function lossyCosts(
  model: Model,
  machines: Machines,
  { mode, node: sent, codec, bytes, loss }: LossyWay,
): readonly ExitCosts[] {
  return model.metadata.exits.flatMap((exit) => {
    const lost = loss.get(exit.id);
    if (lost === undefined || measuredWorth(model.metadata, exit) === null) return [];
    const chosen = model.nodes.map((_, node): ChosenCodec => {
      if (node === sent) return { ...codec, bytes, loss: lost };
      return { ...USUAL_CODEC, bytes: Number.POSITIVE_INFINITY, loss: 0 };
    });
    const own = costsOfExit(model, machines, exit, mode, chosen);
    const costs = withDetours(model, machines, own, chosen);
    const detour = detourAt(model, sent, codec.codec);
    const beside = detour === undefined ? {} : { beside: detour.encoder.nodes };
    return [{ ...costs, wire: { ...costs.wire!, counted: lost }, ...beside }];
  });
}

/**
 * Adds what encoders and decoders take, where a tensor travels by a learned codec.
 *
 * @param chosen by node of the model
 */
function withDetours(
  model: Model,
  machines: Machines,
  costs: ExitCosts,
  chosen: readonly ChosenCodec[],
): ExitCosts {
  const aside = new Map(
    chosen.flatMap(({ codec }, node) => {
      const detour = detourAt(model, node, codec);
      return detour === undefined ? [] : [[detour.tensor, detourMs(model, detour, machines)] as const];
    }),
  );
  if (aside.size === 0) return costs;
  const plus = (times: readonly number[], side: "edge" | "cloud"): number[] =>
    times.map((ms, node) => Math.max(0, ms + (aside.get(costs.dag.names[node]!)?.[side] ?? 0)));
  return {
    ...costs,
    edgeCutMs: plus(costs.edgeCutMs, "edge"),
    cloudCutMs: plus(costs.cloudCutMs, "cloud"),
  };
}

function detourAt({ nodes, detours }: Model, node: number, codec: CodecName): Detour | undefined {
  return isFittedCodec(codec) ? detours.get(nodes[node]!.name) : undefined;
}

/** Two profiles, their times by node of the model, and the way between them. */
interface Machines {
  readonly edge: Profile;
  readonly cloud: Profile;
  readonly edgeMs: readonly number[];
  readonly cloudMs: readonly number[];
  readonly transport: Transport;
}

/** @param chosen by node of the model */
function costsOfExit(
  model: Model,
  { edge, cloud, edgeMs, cloudMs, transport }: Machines,
  exit: Exit,
  mode: Wire["mode"],
  chosen: readonly ChosenCodec[],
): ExitCosts {
  const elements = model.nodes.map((_, node) => carriedElements(model, node, chosen[node]!));
  // The image is not on the backend: there is nothing to read back.
  const readMs = elements.map((count, node) => (node === 0 ? 0 : moveMs(edge.transfer, count)));
  const coded = (transfer: Transfer, node: number): number =>
    codingMs(transfer, chosen[node]!, elements[node]!, componentsOf(model, node));
  const state = chosen[0]!.deflate ? "deflated" : "plain";
  const last = model.dag.names.indexOf(exit.node);
  const needed = ancestors(model.dag, last);
  const prune = <T>(value: (node: number) => T): T[] =>
    model.nodes.flatMap((_, node) => (needed[node] ? [value(node)] : []));
  return {
    exit: exit.id,
    position: model.metadata.exits.indexOf(exit),
    accuracy: measuredWorth(model.metadata, exit),
    dag: subgraph(model.dag, needed),
    // A head with the exit's node in it ends there: its scores are what is read back.
    edgeMs: prune((node) => edgeMs[node]! + (node === last ? readMs[node]! : 0)),
    cloudMs: prune((node) => cloudMs[node]!),
    wireBytes: prune(
      (node) =>
        chosen[node]!.bytes + TENSOR_BYTES[state] + NAME_BYTES[state] * model.nodes[node]!.name.length,
    ),
    edgeCutMs: prune((node) => readMs[node]! + coded(edge.transfer, node)),
    cloudCutMs: prune((node) => moveMs(cloud.transfer, elements[node]!) + coded(cloud.transfer, node)),
    edgeFixedMs: edge.fixedMs,
    cloudFixedMs: cloud.fixedMs,
    requestBytes: HEADER_BYTES[transport].request + REQUEST_BYTES[state],
    resultBytes: HEADER_BYTES[transport].reply + RESULT_BYTES + SCORE_BYTES * model.metadata.labels.length,
    wire: {
      mode,
      codecs: prune((node) => {
        const { bytes: _, loss: __, ...codec } = chosen[node]!;
        return codec;
      }),
      // The exit's own tensor goes nowhere.
      loss: prune((node) => (node === last ? 0 : chosen[node]!.loss)),
    },
  };
}

/** To encode a tensor and to deflate what comes of it, or the other way round. */
function codingMs(
  transfer: Transfer,
  { codec, deflate, bytes }: ChosenCodec,
  elements: number,
  components: number,
): number {
  if (isFittedCodec(codec)) {
    return codecMs(transfer, codec, elements * components) + (deflate ? deflateMs(transfer, bytes) : 0);
  }
  const codeMs = codecMs(transfer, codec, elements);
  if (!deflate) return codeMs;
  return codeMs + deflateMs(transfer, isImageCodec(codec) ? bytes : codedBytes(codec, elements));
}

/** Values that are read back from one backend and handed to the other: of a learned codec what its encoder makes. */
function carriedElements(model: Model, node: number, { codec }: ChosenCodec): number {
  const [latent] = detourAt(model, node, codec)?.encoder.outputs ?? [];
  const { shape } = latent === undefined ? model.nodes[node]!.tensor : model.metadata.tensors[latent]!;
  return elementCount(shape);
}

/** Of the codec that was fitted to a node's tensor: by so many is each value multiplied. */
function componentsOf({ metadata, nodes }: Model, node: number): number {
  return metadata.fitted?.[nodes[node]!.name]?.components ?? 0;
}

function nodeTimes(model: Model, profile: Profile, role: Role): readonly number[] {
  const { id } = model.metadata;
  if (profile.model !== id || profile.role !== role) {
    const came = `${profile.role}s of ${profile.model}`;
    throw new EddiError("bad-profile", `expected a profile of ${role}s of ${id}, got ${came}`);
  }
  return model.dag.names.map((name, node) => {
    const ms = node === 0 ? 0 : profile.nodeMs[name];
    if (ms !== undefined) return ms;
    throw new EddiError("bad-profile", `profile of ${id}: expected a time of node ${name}, got none`);
  });
}
