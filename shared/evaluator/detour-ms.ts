import { ancestors } from "#shared/graph";
import type { Detour, Model } from "#shared/model";
import { detourWork, nodeWork, type Profile, workUnits } from "#shared/profile";

/** Two profiles, and their times by node of the model. */
interface Sides {
  readonly edge: Pick<Profile, "detourMs">;
  readonly cloud: Pick<Profile, "detourMs">;
  readonly edgeMs: readonly number[];
  readonly cloudMs: readonly number[];
}

/**
 * What a detour adds on both sides: its nodes, as the profiles say, else as long as the DAG's take for so much work; in
 * the cloud less the stretch that it leads past, which may be more.
 */
export function detourMs(
  model: Model,
  { tensor, replaces, encoder, decoder }: Detour,
  { edge, cloud, edgeMs, cloudMs }: Sides,
): { readonly edge: number; readonly cloud: number } {
  const { dag } = model;
  const work = nodeWork(model);
  const total = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0);
  const perUnit = (times: readonly number[]): number => total(times) / total(work.map(workUnits));
  const units = detourWork(model);
  const unitsOf = (names: readonly string[]): number =>
    names.reduce((sum, name) => sum + workUnits(units.get(name)!), 0);
  const [from, to] = [tensor, replaces].map((name) => ancestors(dag, dag.names.indexOf(name))) as [
    readonly boolean[],
    readonly boolean[],
  ];
  const passed = total(cloudMs.filter((_, node) => to[node] && !from[node]));
  return {
    edge: edge.detourMs?.[tensor] ?? perUnit(edgeMs) * unitsOf(encoder.nodes),
    cloud: (cloud.detourMs?.[tensor] ?? perUnit(cloudMs) * unitsOf(decoder.nodes)) - passed,
  };
}
