import { type Detour, elementCount, type Model, type Segment } from "#shared/model";
import type { Jobs } from "./measure-transfer.ts";
import type { Role } from "./role.ts";
import { quantile, type Timed } from "./rounds.ts";
import { moveMs, type Transfer } from "./transfer.ts";

/** As of `Stopwatch`. */
interface DetourWatch {
  readonly whole: (segment: Segment, runs: number) => Promise<number>;
  readonly inside: (segment: Segment, runs: number) => Promise<number>;
}

/** Times what learned codecs add, see `Profile.detourMs`; what follows hangs on what moving tensors takes. */
export function detourJobs(
  model: Model,
  role: Role,
  watch: DetourWatch,
): Jobs<(transfer: Transfer) => Readonly<Record<string, number>>> {
  const detours = [...model.detours.values()];
  const timed = detours.map((detour) =>
    role === "head" ? encoderJobs(detour, watch) : decoderJobs(detour, watch),
  );
  return {
    jobs: timed.flat(),
    result: (timings) => {
      const each = timed[0]?.length ?? 0;
      const medians = timings.map((one) => quantile(one, 0.5));
      return (transfer) =>
        Object.fromEntries(
          detours.map((detour, at) => {
            const [ms, callMs = 0] = medians.slice(at * each, (at + 1) * each) as [number, number?];
            const more = role === "head" ? -callMs : handingMs(model, detour, transfer);
            return [detour.tensor, Math.max(0, ms + more)];
          }),
        );
    },
  };
}

/** An encoder runs with the head, whose call is paid: it is timed with and without its nodes. */
function encoderJobs({ tensor, encoder }: Detour, { inside }: DetourWatch): readonly Timed[] {
  const nothing: Segment = { nodes: [], feeds: [tensor], outputs: [tensor] };
  return [encoder, nothing].map((segment) => (runs) => inside(segment, runs));
}

/** A decoder is run by itself. */
function decoderJobs({ decoder }: Detour, { whole }: DetourWatch): readonly Timed[] {
  return [(runs) => whole(decoder, runs)];
}

/** What it gives is read back and handed over anew; that what it is given is handed over is no part of it. */
function handingMs({ metadata }: Model, { decoder }: Detour, transfer: Transfer): number {
  const [given, made] = [decoder.feeds[0]!, decoder.outputs[0]!].map((name) =>
    moveMs(transfer, elementCount(metadata.tensors[name]!.shape)),
  );
  return made! - given!;
}
