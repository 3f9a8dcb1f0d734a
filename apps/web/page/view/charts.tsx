import type { Moments } from "../control/history.ts";
import { formatMs, formatRate } from "../words/format.ts";
import { TEXTS } from "../words/texts.ts";
import { Chart } from "./chart.tsx";

/** Uploads on a logarithmic scale: 0.1, 1, 10 and 100 Mbit/s. */
const DECADES = [5, 6, 7, 8];

/** Delay, upload, and what answers took and which exit gave them, one below the other on one axis of time. */
export function Charts(props: {
  readonly moments: Moments;
  /** The axis begins and ends here, and is 0 there; milliseconds as the moments have them. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly zeroMs: number;
  readonly limitMs: number;
  /** The model's exits in order; one that is not among them has no place. */
  readonly exits: readonly string[];
}) {
  const { moments, fromMs, toMs, zeroMs, limitMs, exits } = props;
  const { link, answers } = moments;
  const seconds = (ms: number): number => (ms - zeroMs) / 1000;
  const axis = { from: seconds(fromMs), to: seconds(toMs) };
  // What is known of the connection stays so until something else is.
  const linkTimes = [...link.map(({ atMs }) => seconds(atMs)), axis.to];
  const upTo = <T,>(values: readonly T[]): readonly T[] => [...values, ...values.slice(-1)];
  const answerTimes = answers.map(({ atMs }) => seconds(atMs));
  const place = ({ exit }: { readonly exit: string }): number | null => exits.indexOf(exit) + 1 || null;
  const last = answers.at(-1);
  const known = link.at(-1);
  return (
    <div class="charts">
      {known !== undefined && (
        <>
          <Chart
            name={TEXTS.delay}
            words={formatMs(known.rttMs)}
            times={linkTimes}
            values={upTo(link.map(({ rttMs }) => rttMs))}
            look="steps"
            least={0}
            most={20}
            format={formatMs}
            {...axis}
          />
          <Chart
            name={TEXTS.upload}
            words={formatRate(known.uplinkBps)}
            times={linkTimes}
            values={upTo(link.map(({ uplinkBps }) => Math.log10(uplinkBps)))}
            look="steps"
            least={DECADES.at(0)!}
            most={DECADES.at(-1)!}
            marks={DECADES}
            format={(power) => formatRate(10 ** power)}
            {...axis}
          />
        </>
      )}
      {last !== undefined && (
        <>
          <Chart
            name={TEXTS.answerTimes}
            words={formatMs(last.totalMs)}
            times={answerTimes}
            values={answers.map(({ totalMs }) => totalMs)}
            look="dots"
            line={limitMs}
            least={0}
            most={limitMs}
            format={formatMs}
            {...axis}
          />
          {exits.length > 1 && (
            <Chart
              name={TEXTS.answerPlaces}
              words={`${place(last) ?? "?"} of ${exits.length}`}
              times={answerTimes}
              values={answers.map(place)}
              look="dots"
              least={0.5}
              most={exits.length + 0.5}
              marks={exits.map((_, at) => at + 1)}
              format={(at) => `${at}`}
              {...axis}
            />
          )}
        </>
      )}
    </div>
  );
}
