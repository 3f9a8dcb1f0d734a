/** A number and its unit never part. */
const GAP = "\u00a0";

/** `7.4 ms`, `183 ms`, `2.4 s` */
export function formatMs(ms: number): string {
  if (ms >= 9950) return `${Math.round(ms / 1000)}${GAP}s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)}${GAP}s`;
  return ms >= 9.95 ? `${Math.round(ms)}${GAP}ms` : `${ms.toFixed(1)}${GAP}ms`;
}

/** `812 B`, `1.3 kB`, `18 kB`, `1.3 MB` */
export function formatBytes(bytes: number): string {
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)}${GAP}MB`;
  if (bytes >= 1000 && bytes < 9950) return `${(bytes / 1000).toFixed(1)}${GAP}kB`;
  return bytes >= 1000 ? `${Math.round(bytes / 1000)}${GAP}kB` : `${Math.round(bytes)}${GAP}B`;
}

/** `0.35 Mbit/s`, `12 Mbit/s` */
export function formatRate(bps: number): string {
  const mbit = bps / 1e6;
  return `${mbit >= 9.95 ? Math.round(mbit) : mbit.toPrecision(2)}${GAP}Mbit/s`;
}

/** Photos a second: `0.42`, `7.5`, `24` */
export function formatFps(perSecond: number): string {
  return perSecond >= 9.95 ? `${Math.round(perSecond)}` : perSecond.toPrecision(2);
}

/** How sure an answer is: the one thing that is said in percent. Never `100 %`, which would be certain. */
export function formatPercent(share: number): string {
  if (share >= 0.9995) return `>${GAP}99.9${GAP}%`;
  return `${(100 * share).toFixed(share > 0.995 || share < 0.1 ? 1 : 0)}${GAP}%`;
}

/** An accuracy, of 100 photos: `90.6` */
export function formatOf100(share: number): string {
  return (100 * share).toFixed(1);
}
