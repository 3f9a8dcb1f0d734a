/** A range on a logarithmic scale. */
export interface Scale {
  readonly least: number;
  readonly most: number;
}

/** Of the sliders and of the map: uploads, bits per second, and what the phone is made slower by. */
export const UPLOADS: Scale = { least: 0.1e6, most: 40e6 };
export const SLOWER: Scale = { least: 0.5, most: 8 };

const STEPS = 200;

/** Where a value lies on its scale, 0..1. */
export function shareOf(value: number, { least, most }: Scale): number {
  return Math.min(1, Math.max(0, Math.log(value / least) / Math.log(most / least)));
}

/** A slider with its value in words, on a logarithmic scale. */
export function ScaleSlider(props: {
  readonly name: string;
  readonly words: string;
  readonly value: number;
  readonly scale: Scale;
  readonly onInput: (value: number) => void;
}) {
  const { name, words, value, scale, onInput } = props;
  const step = Math.round(STEPS * shareOf(value, scale));
  return (
    <label class="slide">
      <span>{name}</span>
      <b>{words}</b>
      <input
        class="r"
        type="range"
        min={0}
        max={STEPS}
        value={step}
        style={{ "--p": `${(100 * step) / STEPS}%` }}
        aria-label={name}
        aria-valuetext={words}
        onInput={({ currentTarget }) =>
          onInput(scale.least * (scale.most / scale.least) ** (Number(currentTarget.value) / STEPS))
        }
      />
    </label>
  );
}
