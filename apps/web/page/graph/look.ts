import { formatTenths } from "../words/live-words.ts";
import type { GraphState } from "./graph-state.ts";

/** How a graph is shown, beside what it shows. */
export interface Look {
  readonly pictureUrl: string | null;
  /** By exit, of a camera that is live: how many pictures in ten it answers. Then it matters little who answered the last. */
  readonly shares: ReadonlyMap<string, number> | null;
}

/** What stands at an exit, and how that looks. */
export function exitMark(
  exit: string,
  state: Pick<GraphState, "exit" | "backup">,
  { shares }: Look,
): { readonly word: string; readonly look: "here" | "keep" | "" } {
  if (shares !== null) {
    const share = shares.get(exit) ?? 0;
    return share === 0 ? { word: "", look: "" } : { word: formatTenths(share), look: "here" };
  }
  if (exit === state.exit) return { word: "answer", look: "here" };
  return exit === state.backup ? { word: "backup", look: "keep" } : { word: "", look: "" };
}
