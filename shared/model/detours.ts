import { EddiError } from "#shared/errors";
import { ancestors, type Dag } from "#shared/graph";
import type { WireCodec } from "./codecs.ts";
import type { ModelMetadata } from "./metadata.ts";
import type { ModelNode, Segment } from "./segment.ts";

/**
 * The way that a learned codec takes past a stretch of the DAG: on the edge an encoder makes whole numbers of a tensor,
 * which travel; in the cloud a decoder makes a later tensor of them. No exit needs these nodes.
 */
export interface Detour {
  /** What it starts from, and the later tensor that comes back: all paths to the exits behind pass both. */
  readonly tensor: string;
  readonly replaces: string;
  /** From the tensor to the one that is coded. */
  readonly encoder: Segment;
  /** From there to what stands for the later tensor. */
  readonly decoder: Segment;
  /** Of both, in topological order. */
  readonly nodes: readonly ModelNode[];
}

/** By the tensor that they start from. */
export type Detours = ReadonlyMap<string, Detour>;

/**
 * The detours that the metadata's fitted codecs have.
 *
 * @param whole  all computing nodes of the file
 * @param needed by its node: whether some exit does
 * @param nodeOf of its node
 * @throws EddiError `bad-metadata` for one that does not lead from its tensor past later nodes to one of the same shape
 */
export function readDetours(
  { fitted = {}, tensors }: ModelMetadata,
  whole: Dag,
  needed: readonly boolean[],
  nodeOf: (name: string) => ModelNode,
): Detours {
  const found = Object.entries(fitted).flatMap(([tensor, { through }]): [string, Detour][] => {
    if (through === undefined) return [];
    const { latent, decoded, replaces } = through;
    const at = (name: string): number => whole.names.indexOf(name);
    const refuse = (field: string, expected: string, came: string): never => {
      throw new EddiError(
        "bad-metadata",
        `fitted.${tensor}.through.${field}: expected ${expected}, got ${came}`,
      );
    };
    for (const [field, name] of Object.entries({ latent, decoded })) {
      if (at(name) < 0 || needed[at(name)]) refuse(field, "a node that no exit needs", name);
    }
    if (at(replaces) < 0 || !needed[at(replaces)]) refuse("replaces", "a node of the model", replaces);
    if (!ancestors(whole, at(replaces))[at(tensor)] || replaces === tensor) {
      refuse("replaces", `a node behind ${tensor}`, replaces);
    }
    if (`${tensors[decoded]!.shape}` !== `${tensors[replaces]!.shape}`) {
      refuse("decoded", `a tensor of [${tensors[replaces]!.shape}]`, `[${tensors[decoded]!.shape}]`);
    }
    const stretch = (from: string, to: string, field: string): Segment => {
      const above = ancestors(whole, at(to));
      const before = ancestors(whole, at(from));
      const inside = whole.names.map((_, node) => above[node]! && !before[node]);
      const isStray = (node: number): boolean =>
        needed[node]! || whole.predecessors[node]!.some((read) => !inside[read] && read !== at(from));
      if (!above[at(from)] || to === from) refuse(field, `a node behind ${from}`, to);
      const stray = whole.names.find((_, node) => inside[node] && isStray(node));
      if (stray !== undefined)
        refuse(field, `a node that ${from} alone leads to`, `${to}, which needs ${stray}`);
      return { nodes: whole.names.filter((_, node) => inside[node]), feeds: [from], outputs: [to] };
    };
    const encoder = stretch(tensor, latent, "latent");
    const decoder = stretch(latent, decoded, "decoded");
    const nodes = [...encoder.nodes, ...decoder.nodes].map(nodeOf);
    return [[tensor, { tensor, replaces, encoder, decoder, nodes }]];
  });
  return new Map(found);
}

/** The detours that a plan's tensors take, by how they travel: those whose codec has one. */
export function detoursOf(
  { detours, metadata }: { readonly detours: Detours; readonly metadata: ModelMetadata },
  { codecs = {} }: { readonly codecs?: Readonly<Record<string, WireCodec>> },
): readonly Detour[] {
  return Object.entries(codecs).flatMap(([name, { codec }]) => {
    const detour = detours.get(name);
    return detour !== undefined && metadata.fitted?.[name]?.codec === codec ? [detour] : [];
  });
}
