/**
 * A model card with one of its `## ` sections written anew: in its place, at the end when it is new.
 *
 * @param title as after the `## `
 * @param body  null leaves the section out
 */
export function withSection(card: string, title: string, body: string | null): string {
  const parts = card.split(/^(?=## )/m).map((part) => part.trim());
  const isIt = (part: string): boolean => part === `## ${title}` || part.startsWith(`## ${title}\n`);
  const section = body === null ? [] : [`## ${title}\n\n${body.trim()}`];
  const at = parts.findIndex(isIt);
  const others = parts.filter((part) => part !== "" && !isIt(part));
  const place = at < 0 ? others.length : at;
  return `${[...others.slice(0, place), ...section, ...others.slice(place)].join("\n\n")}\n`;
}
