import { useEffect, useRef } from "preact/hooks";
import UPlot from "uplot";
import { useWidth } from "../graph/use-width.ts";
import "uplot/dist/uPlot.min.css";

/** A quantity over time. */
export interface ChartProps {
  readonly name: string;
  /** Of the last value, beside the name: what those hear who do not see the line. */
  readonly words: string;
  /** Seconds, ascending; null where there is no value. */
  readonly times: readonly number[];
  readonly values: readonly (number | null)[];
  /** Of the axis, in seconds. */
  readonly from: number;
  readonly to: number;
  /** Dots for what happens now and then, steps for what stays until it changes. */
  readonly look: "dots" | "steps";
  /** Drawn through the chart: a limit. */
  readonly line?: number;
  /** From here to there at least. */
  readonly least: number;
  readonly most: number;
  /** Where the axis has its marks, if not where it usually has. */
  readonly marks?: readonly number[];
  readonly format: (value: number) => string;
}

const HEIGHT = 88;
const AXIS = 74;

/** A small chart on a canvas. */
export function Chart(props: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const { width, zoom } = useWidth(place);
  const { name, words } = props;
  return (
    <figure class="chart">
      <figcaption>
        <span>{name}</span> <b>{words}</b>
      </figcaption>
      <div ref={place} style={{ zoom, minHeight: `${HEIGHT}px` }}>
        {width > 0 && <Canvas {...props} width={width} />}
      </div>
    </figure>
  );
}

function Canvas(props: ChartProps & { readonly width: number }) {
  const { width, times, values, from, to, line, least, most } = props;
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<UPlot | null>(null);
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const shown = values.filter((value) => value !== null);
  const low = Math.min(least, ...shown);
  const high = Math.max(most, ...shown, line ?? 0);
  // Made anew for another size or scheme; what it shows is set below.
  useEffect(() => {
    const made = new UPlot(optionsOf(props), [[], []], place.current!);
    chart.current = made;
    return () => made.destroy();
  }, [width, isDark]);
  useEffect(() => {
    const made = chart.current;
    if (made === null) return;
    made.batch(() => {
      made.setData([[...times], [...values], times.map(() => line ?? null)], false);
      made.setScale("x", { min: from, max: to });
      made.setScale("y", { min: low, max: high });
    });
  });
  return <div ref={place} aria-hidden="true" />;
}

function optionsOf({ width, look, marks, format }: ChartProps & { readonly width: number }) {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(`--${name}`);
  const axis = { stroke: color("quiet"), font: "12px system-ui", ticks: { show: false } };
  const drawn =
    look === "dots"
      ? { paths: () => null, points: { show: true, size: 6, fill: color("ink") } }
      : { paths: UPlot.paths.stepped!({ align: 1 }), points: { show: false } };
  return {
    width,
    height: HEIGHT,
    cursor: { show: false },
    legend: { show: false },
    scales: {
      x: { time: false, auto: false },
      y: { auto: false },
    },
    axes: [
      {
        ...axis,
        size: 22,
        grid: { show: false },
        values: (_: UPlot, ticks: number[]) => ticks.map((tick) => `${tick} s`.replace("-", "\u2212")),
      },
      {
        ...axis,
        size: AXIS,
        space: 24,
        grid: { stroke: color("line"), width: 1 },
        ...(marks === undefined ? {} : { splits: [...marks] }),
        values: (_: UPlot, ticks: number[]) => ticks.map(format),
      },
    ],
    series: [
      {},
      { stroke: color("ink"), width: 2, ...drawn },
      { stroke: color("alert"), width: 1, dash: [4, 4], points: { show: false } },
    ],
  } satisfies UPlot.Options;
}
