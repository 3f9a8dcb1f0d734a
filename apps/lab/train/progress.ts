import { bar } from "../terminal/status-line.ts";

export interface TrainingPace {
  /** From 0. */
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly steps: number;
  /** Mean over the epoch so far. */
  readonly loss: number;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
}

export function paceText(pace: TrainingPace): string {
  const where = `epoch ${pace.epoch + 1}/${pace.epochs} ${bar(pace.step / pace.steps)}`;
  const speed = `${pace.imagesPerSecond.toFixed(0)} images/s`;
  return `${where} loss ${pace.loss.toFixed(3)}, ${speed}, ${durationText(pace.secondsLeft)} left`;
}

function durationText(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.ceil(seconds)} s`;
}

/** @param shares 0..1 each */
export const percents = (shares: readonly number[]): string =>
  shares.map((share) => `${(share * 100).toFixed(2)} %`).join(", ");
