import type { RateStep } from "../../rig/rate.ts";
import type { RttSample } from "./trace.ts";
import type { TraceFormat } from "./trace-format.ts";
import { amountOf, type Line, refuse } from "./trace-text.ts";

const COLUMNS = ["Timestamp", "DL_bitrate", "State", "PINGAVG"] as const;
type Column = (typeof COLUMNS)[number];

/** Seconds round a ping in which the bandwidth dips, since the logger stopped its download. */
const DIP_S = 1;

/**
 * 5G in Ireland (Raca et al., MMSys 2020): a table with a header, a row about every second. Its uplink is
 * acknowledgements only, so the downlink is read, in kbit/s. Rows beside a ping dip to 0 artificially and those of
 * state I (idle) had nothing to load: both are left out, and each other row is a second.
 */
export const uccIreland: TraceFormat = {
  folders: ["ucc-5g-ireland"],
  endings: [],
  content: `a table whose header has ${COLUMNS.join(", ")}`,
  isSurely: ({ text }) => COLUMNS.every((column) => text.split(",").includes(column)),
  read(lines) {
    const rows = rowsOf(lines);
    const pings = rows.filter(({ rttMs }) => rttMs !== null);
    const steps: RateStep[] = [];
    const rtt: RttSample[] = [];
    let ping = 0;
    for (const { atS, bps, isIdle, rttMs } of rows) {
      if (rttMs !== null) rtt.push({ atMs: 1000 * steps.length, rttMs });
      while (ping < pings.length && pings[ping]!.atS < atS - DIP_S) ping += 1;
      const isBesidePing = ping < pings.length && pings[ping]!.atS <= atS + DIP_S;
      if (!isIdle && !isBesidePing) steps.push({ durationMs: 1000, bps });
    }
    return { steps, rtt, direction: "downlink" };
  },
};

interface Row {
  readonly atS: number;
  readonly bps: number;
  readonly isIdle: boolean;
  /** Null where no ping came back. */
  readonly rttMs: number | null;
}

function rowsOf([header, ...lines]: readonly Line[]): readonly Row[] {
  const names = header!.text.split(",");
  const at = Object.fromEntries(
    COLUMNS.map((column) => {
      if (!names.includes(column)) refuse(header!, `a column ${column}`, header!.text);
      return [column, names.indexOf(column)];
    }),
  ) as Readonly<Record<Column, number>>;
  let before = Number.NEGATIVE_INFINITY;
  return lines.map((line) => {
    const cells = line.text.split(",");
    if (cells.length !== names.length) refuse(line, `${names.length} columns`, `${cells.length}`);
    const atS = secondsOf(line, cells[at.Timestamp]!);
    if (atS < before) refuse(line, "a time not before that of the line above", cells[at.Timestamp]!);
    before = atS;
    const ping = cells[at.PINGAVG]!;
    return {
      atS,
      bps: amountOf(line, "DL_bitrate in kbit/s", cells[at.DL_bitrate], 1e3),
      isIdle: cells[at.State] === "I",
      rttMs: ping === "-" ? null : amountOf(line, "PINGAVG in ms", ping),
    };
  });
}

/** Of a local time such as 2019.12.16_12.27.05. */
function secondsOf(line: Line, text: string): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})\.(\d\d)\.(\d\d)_(\d\d)\.(\d\d)\.(\d\d)$/.exec(text) ?? [];
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(ms) ? refuse(line, "a Timestamp such as 2019.12.16_12.27.05", text) : ms / 1000;
}
