import { type ExitCosts, exitCosts } from "#shared/evaluator";
import type { Model } from "#shared/model";
import type { Profile } from "#shared/profile";
import { exitWork } from "../../evaluate/model-work.ts";
import { readModelFolder } from "../../files/model-folder.ts";
import { modelProfiles } from "../../planning/model-costs.ts";
import { asLayerSum, readLayers } from "../../profiling/layer-times.ts";
import { TRANSPORT } from "../session/answering.ts";
import { type ModelVerdicts, readVerdicts } from "../verdicts/verdicts.ts";

/** A model that policies are tried on. */
export interface Subject {
  readonly model: Model;
  readonly verdicts: ModelVerdicts;
  /** Of all exits and wire modes, as the page has them once its stream stands. */
  readonly costs: readonly ExitCosts[];
  /** The same by sums of layers timed alone; null where none were measured. */
  readonly layerCosts: readonly ExitCosts[] | null;
  /** The last exit by the profiles: on the edge, and in the cloud. */
  readonly edgeMs: number;
  readonly cloudMs: number;
  /** Of the last exit, in millions of multiply-adds; K times as many where it has K times the work. */
  readonly mmacs: number;
  /** Operations of the last exit. */
  readonly nodes: number;
}

/**
 * @param workScale how many times the work every node has: what a larger net of the same exits would be
 * @throws EddiError `not-found` without a model or its verdicts, which says how they are recorded; `bad-model` for
 *   verdicts of another version
 */
export async function openSubject(folder: string, workScale: number): Promise<Subject> {
  const model = await readModelFolder(folder);
  const verdicts = await readVerdicts(folder, model);
  const { head, tail } = await modelProfiles(folder, model);
  const options = { codec: null, transport: TRANSPORT };
  const [edge, cloud] = [withWork(head.profile, workScale), withWork(tail.profile, workScale)];
  const costs = exitCosts(model, edge, cloud, options);
  const [headLayers, tailLayers] = await Promise.all(
    [edge, cloud].map(({ backend }) => readLayers(folder, model, backend)),
  );
  const layerCosts =
    headLayers && tailLayers
      ? exitCosts(
          model,
          withWork(asLayerSum(head.profile, model, headLayers), workScale),
          withWork(asLayerSum(tail.profile, model, tailLayers), workScale),
          options,
        )
      : null;
  const last = costs.reduce((latest, exit) => (exit.position > latest.position ? exit : latest));
  const sum = (values: readonly number[]): number => values.reduce((total, ms) => total + ms, 0);
  return {
    model,
    verdicts,
    costs,
    layerCosts,
    edgeMs: last.edgeFixedMs + sum(last.edgeMs),
    cloudMs: last.cloudFixedMs + sum(last.cloudMs),
    nodes: last.dag.names.length - 1,
    mmacs: (workScale * exitWork(model, model.metadata.exits.at(-1)!.id).macs) / 1e6,
  };
}

/** What is handed over stays as large. */
function withWork(profile: Profile, by: number): Profile {
  const scaled = (times: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, by * ms]));
  const { nodeMs, detourMs } = profile;
  const detours = detourMs === undefined ? {} : { detourMs: scaled(detourMs) };
  return { ...profile, nodeMs: scaled(nodeMs), ...detours };
}
