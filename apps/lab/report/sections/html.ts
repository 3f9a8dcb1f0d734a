/** Text as HTML. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (found) => ESCAPES[found]!);
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** A cell of a table: text, or text with a class. */
export type Cell = string | { readonly text: string; readonly as: "good" | "bad" | "muted" | "left" };

/** @param narrow what becomes of it on a phone: it is moved sideways, or each row becomes a list of its own */
export function htmlTable(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  narrow: "scrolls" | "stacks" = "scrolls",
): string {
  const cell = (one: Cell, column: number): string => {
    const { text, as } = typeof one === "string" ? { text: one, as: null } : one;
    const label = head[column] === "" ? "" : ` data-label="${escapeHtml(head[column]!)}"`;
    return `<td${as === null ? "" : ` class="${as}"`}${label}>${escapeHtml(text)}</td>`;
  };
  const body = rows.map((row) => `<tr>${row.map(cell).join("")}</tr>`).join("\n");
  const headings = head.map((name) => `<th>${escapeHtml(name)}</th>`).join("");
  return `<div class="wide ${narrow}"><table><thead><tr>${headings}</tr></thead><tbody>${body}</tbody></table></div>`;
}

export function legend(names: readonly { readonly name: string; readonly color: number }[]): string {
  const items = names.map(({ name, color }) => `<span><i class="i${color}"></i>${escapeHtml(name)}</span>`);
  return `<div class="legend">${items.join("")}</div>`;
}

export function section(title: string, about: string, ...parts: readonly string[]): string {
  return `<section><h2>${escapeHtml(title)}</h2><p>${escapeHtml(about)}</p>${parts.join("\n")}</section>`;
}

export function plots(list: readonly string[]): string {
  return `<div class="plots">${list.join("\n")}</div>`;
}
