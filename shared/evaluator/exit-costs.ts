import { EddiError } from "#shared/errors";
import { ancestors, type Dag, subgraph } from "#shared/graph";
import { elementCount, type Model } from "#shared/model";
import type { Profile, Role } from "./profile.ts";
import { BYTES_PER_ELEMENT, type Codec, codecMs, moveMs } from "./transfer.ts";

/** What an exit's plans cost, whatever the conditions: the exit's DAG with its weights. */
export interface ExitCosts {
  /** Exit id. */
  readonly exit: string;
  /** Position among the model's exits, earliest 0. */
  readonly position: number;
  /** Top-1, 0..1; null when not measured. */
  readonly accuracy: number | null;
  /** The exit's node and its ancestors: node 0 is the input, the last node is the exit's. */
  readonly dag: Dag;
  /** By node: time on the profiled edge device; 0 for the input. The exit's includes reading back its scores. */
  readonly edgeMs: readonly number[];
  /** By node: time on the profiled cloud machine; 0 for the input. */
  readonly cloudMs: readonly number[];
  /** By node: bytes that its tensor adds to a request, with its part of the header. */
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
}

export interface CostOptions {
  readonly codec: Codec;
}

/** JSON that describes one tensor, its quantisation included, beside three times its name. */
const TENSOR_BYTES = 155;
/** HTTP headers and the rest of the JSON. */
const REQUEST_BYTES = 800;
/** HTTP headers and JSON of a reply, and what one score takes. */
const RESULT_BYTES = 500;
const SCORE_BYTES = 4;

/**
 * The costs of every exit, earliest first.
 *
 * @param edgeProfile  of heads; any device's: the conditions' scale corrects it
 * @param cloudProfile of tails
 * @throws EddiError `bad-profile` when a profile is not this model's, has the other role or lacks a node
 */
export function exitCosts(
  model: Model,
  edgeProfile: Profile,
  cloudProfile: Profile,
  options: CostOptions,
): readonly ExitCosts[] {
  const edgeMs = nodeTimes(model, edgeProfile, "head");
  const cloudMs = nodeTimes(model, cloudProfile, "tail");
  const { codec } = options;
  const elements = model.nodes.map((node) => elementCount(node.tensor.shape));
  const wireBytes = model.nodes.map(
    ({ name }, node) => elements[node]! * BYTES_PER_ELEMENT[codec] + TENSOR_BYTES + 3 * name.length,
  );
  const { transfer: toHand } = edgeProfile;
  const { transfer: toTake } = cloudProfile;
  // The image is not on the backend: there is nothing to read back.
  const readMs = elements.map((count, node) => (node === 0 ? 0 : moveMs(toHand, count)));
  const edgeCutMs = elements.map((count, node) => readMs[node]! + codecMs(toHand, codec, count));
  const cloudCutMs = elements.map((count) => moveMs(toTake, count) + codecMs(toTake, codec, count));
  return model.metadata.exits.map((exit, position): ExitCosts => {
    const last = model.dag.names.indexOf(exit.node);
    const needed = ancestors(model.dag, last);
    // A head with the exit's node in it ends there: its scores are what is read back.
    const whole = edgeMs.map((ms, node) => (node === last ? ms + readMs[node]! : ms));
    const prune = (values: readonly number[]): number[] => values.filter((_, node) => needed[node]);
    return {
      exit: exit.id,
      position,
      accuracy: exit.accuracy,
      dag: subgraph(model.dag, needed),
      edgeMs: prune(whole),
      cloudMs: prune(cloudMs),
      wireBytes: prune(wireBytes),
      edgeCutMs: prune(edgeCutMs),
      cloudCutMs: prune(cloudCutMs),
      edgeFixedMs: edgeProfile.fixedMs,
      cloudFixedMs: cloudProfile.fixedMs,
      requestBytes: REQUEST_BYTES,
      resultBytes: RESULT_BYTES + SCORE_BYTES * model.metadata.labels.length,
    };
  });
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
