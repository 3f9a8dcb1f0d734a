import { EddiError } from "#shared/errors";
import type { FinishedCodec } from "../fit-codec/finish-codec.ts";
import type { FittedLinear } from "../fit-codec/fit-codec.ts";
import type { StatusLine } from "../terminal/status-line.ts";
import { type Option, parsed } from "./option.ts";
import { printJson } from "./shared-options.ts";

/** Points of top-1, one for each rate of a codec. */
export const lossesOption = (help: string, fallback: string): Option<readonly number[]> =>
  parsed("POINTS", help, readLosses, fallback);

/** What was stored: the card's section, or all that was tried as JSON. */
export function printFinished(
  { stored, section, photos, isRenewed }: FinishedCodec,
  fitted: FittedLinear,
  of: object,
  json: boolean,
  status: StatusLine,
): void {
  if (json) {
    const { bytes, fitted: codec } = stored;
    const tried = fitted.tried.map(({ step, cost, loss }) => ({ ...cost, step, fittedLoss: loss }));
    printJson({ ...of, photos, shardBytes: bytes.length, codec, tried });
  } else process.stdout.write(`${section}\n`);
  status.note(isRenewed ? "verdicts: taken over, they are what they were" : "verdicts: none of this version");
}

function readLosses(given: string, option: string): readonly number[] {
  const losses = given.split(",").map(Number);
  const isRight = given.trim() !== "" && losses.every((points) => points >= 0 && points <= 100);
  if (isRight) return losses.map((points) => points / 100);
  throw new EddiError("bad-argument", `${option}: expected points of 0 to 100, as 0.3,1, got ${given}`);
}
