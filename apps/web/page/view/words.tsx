/** Words that change by themselves, in a place that stays: others are new ones, for a text that grows counts as a shift. */
export function Words({ text }: { readonly text: string }) {
  return <span key={text}>{text}</span>;
}
