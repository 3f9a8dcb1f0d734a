/** `7.4 ms`, `183 ms`, `2.4 s` */
export function formatMs(ms: number): string {
  if (ms >= 9950) return `${Math.round(ms / 1000)} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 9.95 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}

/** `812 B`, `1.3 kB`, `18 kB`, `1.3 MB` */
export function formatBytes(bytes: number): string {
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`;
  if (bytes >= 1000 && bytes < 9950) return `${(bytes / 1000).toFixed(1)} kB`;
  return bytes >= 1000 ? `${Math.round(bytes / 1000)} kB` : `${bytes} B`;
}

/** `0.35 Mbit/s`, `12 Mbit/s` */
export function formatRate(bps: number): string {
  const mbit = bps / 1e6;
  return `${mbit >= 9.95 ? Math.round(mbit) : mbit.toPrecision(2)} Mbit/s`;
}

export function formatPercent(share: number): string {
  return `${(100 * share).toFixed(share > 0.995 || share < 0.1 ? 1 : 0)} %`;
}

/** `exit 2 of 4`; a model with one exit has none to leave by: `the whole model` */
export function exitName(position: number, exits: number): string {
  return exits === 1 ? "the whole model" : `exit ${position} of ${exits}`;
}
