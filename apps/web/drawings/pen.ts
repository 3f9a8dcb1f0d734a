export type Pen = OffscreenCanvasRenderingContext2D;
type Style = string | CanvasGradient;

/** All drawings are squares of this side. */
export const SIDE = 256;

export function background(pen: Pen, top: string, bottom: string): void {
  pen.fillStyle = down(pen, 0, SIDE, top, bottom);
  pen.fillRect(0, 0, SIDE, SIDE);
}

/** A gradient downwards. */
export function down(pen: Pen, top: number, bottom: number, ...colours: readonly string[]): CanvasGradient {
  const gradient = pen.createLinearGradient(0, top, 0, bottom);
  colours.forEach((colour, at) => {
    gradient.addColorStop(at / (colours.length - 1), colour);
  });
  return gradient;
}

export function disc(pen: Pen, x: number, y: number, radius: number, style: Style): void {
  oval(pen, x, y, radius, radius, style);
}

export function oval(
  pen: Pen,
  x: number,
  y: number,
  width: number,
  height: number,
  style: Style,
  turn = 0,
): void {
  pen.fillStyle = style;
  pen.beginPath();
  pen.ellipse(x, y, width, height, turn, 0, 2 * Math.PI);
  pen.fill();
}

export function box(pen: Pen, style: Style, x: number, y: number, width: number, height: number): void {
  pen.fillStyle = style;
  pen.fillRect(x, y, width, height);
}

export function shade(
  pen: Pen,
  x: number,
  y: number,
  radius: number,
  light: string,
  dark: string,
): CanvasGradient {
  const gradient = pen.createRadialGradient(x, y, radius / 10, x, y, radius);
  gradient.addColorStop(0, light);
  gradient.addColorStop(1, dark);
  return gradient;
}

/** Fills a polygon. @param points x and y in turn */
export function fill(pen: Pen, style: Style, points: readonly number[]): void {
  pen.fillStyle = style;
  pen.beginPath();
  for (let at = 0; at < points.length; at += 2) pen.lineTo(points[at]!, points[at + 1]!);
  pen.fill();
}

/** Fills a round shape. @param points where it begins, then of each curve its two handles and its end */
export function blob(pen: Pen, style: Style, points: readonly number[]): void {
  const [x, y, ...curves] = points as readonly [number, number, ...number[]];
  pen.fillStyle = style;
  pen.beginPath();
  pen.moveTo(x, y);
  for (let at = 0; at < curves.length; at += 6) {
    pen.bezierCurveTo(...(curves.slice(at, at + 6) as [number, number, number, number, number, number]));
  }
  pen.fill();
}

export function line(pen: Pen, style: string, width: number, trace: (path: Pen) => void): void {
  pen.strokeStyle = style;
  pen.lineWidth = width;
  pen.beginPath();
  trace(pen);
  pen.stroke();
}

export function arch(pen: Pen, x: number, y: number, width: number, height: number, style: string): void {
  disc(pen, x + width / 2, y, width / 2, style);
  pen.fillRect(x, y, width, height);
}
