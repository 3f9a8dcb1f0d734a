import { EddiError } from "#shared/errors";
import {
  type Catalogue,
  PLAIN_CODECS,
  plainName,
  servedAs,
  servedCodecs,
  type WireCodec,
} from "#shared/model";
import { encodePlainRequest, encodePlainTensor } from "#shared/protocol";
import type { CloudWays } from "./cloud-ways.ts";
import type { EncodeCut } from "./encode-cut.ts";

/** A cloud as an edge asks it. */
export interface CloudEnd {
  readonly encode: EncodeCut;
  readonly send: CloudWays["send"];
}

/**
 * A server of the Open Inference Protocol that is no service of ours: it has but some tails, each a model of its own.
 *
 * @param ways      to the server, by `fetch`
 * @param catalogue what it has of the model; null while that is not known
 */
export function plainCloud(
  ways: Pick<CloudWays, "send">,
  modelId: string,
  catalogue: () => Catalogue | null,
): CloudEnd {
  return {
    encode: async ({ metadata }, { exit }, cut, _canvas, _coders, codecOf) => {
      const names = [...cut.keys()];
      const known = catalogue();
      const served = servedCodecs(known, exit, names);
      // What is not served is not sent either: it is but given a name.
      const codec = servedAs(served.length > 0 ? served : PLAIN_CODECS, codecOf(names[0]!))!;
      const isBinary = known?.isBinary === true;
      const inputs = [...cut].map(([name, { shape, values }]) =>
        encodePlainTensor(name, shape, values, codec, metadata.tensors[name]!.range),
      );
      const { body, jsonBytes } = encodePlainRequest(inputs, [exit], isBinary);
      const how: WireCodec = { codec, deflate: false };
      return {
        model: plainName(modelId, exit, names, codec),
        version: null,
        frame: { body, jsonBytes: isBinary ? jsonBytes : null },
        encoding: null,
        codecs: Object.fromEntries(names.map((name) => [name, how])),
      };
    },
    send: async (asked, signal, onWay) => {
      const known = catalogue();
      if (known === null) throw new EddiError("unavailable", "the cloud has not told yet what it has");
      const has = namesIn(modelId, known);
      if (has.includes(asked.model)) return ways.send(asked, signal, onWay);
      const expected = `expected one of the ${has.length} tails of ${modelId} that the cloud has`;
      throw new EddiError("not-found", `${expected}, got ${asked.model}`);
    },
  };
}

function namesIn(modelId: string, { tails }: Catalogue): readonly string[] {
  return Object.entries(tails).flatMap(([exit, cuts]) =>
    Object.entries(cuts).flatMap(([cut, codecs]) =>
      codecs.map((codec) => plainName(modelId, exit, [cut], codec)),
    ),
  );
}
