/** Attributes of an element; numbers are rounded to a hundredth, absent values left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** An SVG element as text. Attributes are escaped; children are markup, so text goes through `text`. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : ` ${key}="${escapeXml(typeof value === "number" ? number(value) : value)}"`,
  );
  const start = `<${name}${written.join("")}`;
  return children.length === 0 ? `${start}/>` : `${start}>${children.join("")}</${name}>`;
}

/** A line of text; `content` is escaped. */
export function text(content: string, attributes: Attributes): string {
  return element("text", attributes, escapeXml(content));
}

/** What a pointer resting on the parent is told. */
export function tooltip(content: string): string {
  return element("title", {}, escapeXml(content));
}

/** A whole picture on a ground of its own, so that it reads the same on a light and on a dark page. */
export function picture(
  size: { readonly width: number; readonly height: number },
  description: string,
  ...children: readonly string[]
): string {
  const { width, height } = size;
  const svg = element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      width,
      height,
      viewBox: `0 0 ${number(width)} ${number(height)}`,
      role: "img",
      "font-family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
      "font-size": 12,
      fill: INK,
    },
    tooltip(description),
    element("rect", { width, height, fill: PAPER }),
    ...children,
  );
  return `${svg}\n`;
}

export const PAPER = "#ffffff";
export const INK = "#1c2430";
/** For what is beside the point. */
export const MUTED = "#5b6675";
export const LINE = "#9aa5b3";

/** Width of a line of text, about: for boxes and margins. */
export function textWidth(content: string, fontSize = 12): number {
  return 0.56 * fontSize * content.length;
}

/** At most so many characters; what is left out is left out in the middle, since names differ at their ends. */
export function shorten(content: string, length: number): string {
  if (content.length <= length) return content;
  const half = (length - 1) / 2;
  return `${content.slice(0, Math.ceil(half))}…${content.slice(content.length - Math.floor(half))}`;
}

function number(value: number): string {
  return String(Math.round(100 * value) / 100);
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Control characters, which XML has no way to write, become the replacement character. */
function escapeXml(content: string): string {
  return content.replace(/[&<>"]/g, (found) => ESCAPES[found]!).replace(UNWRITABLE, "\ufffd");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not come through
const UNWRITABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu;
