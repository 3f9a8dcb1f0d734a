import type { TensorCodecName } from "#shared/codecs";
import { elementCount } from "#shared/model";
import {
  layerPlan,
  layerSum,
  type Profile,
  profileJobs,
  quantile,
  type RoundOptions,
  sampleJobs,
  type Timed,
  timeInRounds,
} from "#shared/profile";
import { decodeTensor, type EncodedTensor, encodeRequest, encodeTensor } from "#shared/protocol";
import { type SegmentModel, selfTest, type TensorValues } from "#shared/runtime";
import type { Case } from "./cases.ts";
import { repeated, stopwatch } from "./measure.ts";
import type { Method, StageTimes } from "./report.ts";

export interface Evaluation {
  readonly methods: readonly Method[];
  /** By case. */
  readonly measured: readonly StageTimes[];
}

/**
 * Profiles and cases on this process' backend, both stages of each. What is profiled and what is predicted
 * takes turns in the same rounds, so that the machine's drift is shared; no timing serves for both.
 */
export async function evaluateHere(
  segments: SegmentModel,
  backend: string,
  device: string,
  codec: TensorCodecName,
  cases: readonly Case[],
  rounds: RoundOptions,
): Promise<Evaluation> {
  const { model } = segments;
  const { medianMs: selfTestMs } = await selfTest(() => performance.now(), 15);
  const of = { model, device, backend, selfTestMs };
  const [head, tail] = ROLES.map((role) => profileJobs({ ...of, role }, stopwatch(segments, role)));
  const layers = sampleJobs(layerPlan(model), stopwatch(segments, "head"));
  const stages = await Promise.all(cases.map((one) => stageJobs(segments, one, codec)));
  const groups = [
    head!.jobs,
    tail!.jobs,
    layers.jobs,
    stages.map(({ edge }) => edge),
    stages.flatMap(({ cloud }) => cloud ?? []),
  ];
  const timings = [...(await timeInRounds(groups.flat(), rounds))];
  const [heads, tails, alone, edges, clouds] = groups.map(({ length }) => timings.splice(0, length));
  const cloudMs = clouds!.map((one) => quantile(one, 0.5));
  const partition = { name: "partition-wise", head: head!.result(heads!), tail: tail!.result(tails!) };
  return {
    methods: [partition, layerMethod(partition, layerSum(layers.result(alone!)))],
    measured: edges!.map((one, at) => ({
      edgeMs: quantile(one, 0.5),
      cloudMs: stages[at]!.cloud === null ? null : cloudMs.shift()!,
    })),
  };
}

const ROLES = ["head", "tail"] as const;

/** The baseline: the same transfers, but nodes timed alone. */
export function layerMethod({ head, tail }: Method, sum: Pick<Profile, "fixedMs" | "nodeMs">): Method {
  return { name: "layer sum", head: { ...head, ...sum }, tail: { ...tail, ...sum } };
}

/** The two stages of a case as edge and service do them. */
async function stageJobs(
  segments: SegmentModel,
  { plan, split }: Case,
  codec: TensorCodecName,
): Promise<{ readonly edge: Timed; readonly cloud: Timed | null }> {
  const { model } = segments;
  const { head, cut, tail } = split;
  const shape = [1, ...model.nodes[0]!.tensor.shape];
  const pixels = Float32Array.from({ length: elementCount(shape) }, (_, i) => (i % 255) / 255);
  const image: TensorValues = { shape, values: pixels };
  const runHead = async (): Promise<readonly EncodedTensor[]> => {
    const computed = head.outputs.filter((name) => name !== model.metadata.input.node);
    const values =
      computed.length === 0 ? [] : await segments.runValues({ ...head, outputs: computed }, [image]);
    const valuesOf = (name: string): TensorValues => values[computed.indexOf(name)] ?? image;
    if (tail === null) return [];
    const encoded = cut.map((name) => encodeTensor(name, valuesOf(name).shape, valuesOf(name).values, codec));
    const parameters = Object.assign({ exit: plan.exit }, ...encoded.map((one) => one.parameters));
    encodeRequest({ parameters, inputs: encoded.map((one) => one.tensor), outputs: [], binaryOutputs: true });
    return encoded;
  };
  const crossing = await runHead();
  const runTail = async (): Promise<void> => {
    const feeds = crossing.map(({ tensor, parameters }): TensorValues => {
      const expected = model.metadata.tensors[tensor.name]!;
      return decodeTensor(tensor, expected, parameters);
    });
    const [scores] = await segments.runValues(tail!, feeds);
    scores!.values.find((value) => !Number.isFinite(value));
  };
  return { edge: repeated(runHead), cloud: tail === null ? null : repeated(runTail) };
}
