/** The path of a model's name. Triton takes names as they come: what an address may hold is not escaped. */
export function modelPath(name: string): string {
  return `/v2/models/${encodeURIComponent(name).replaceAll("%3A", ":")}`;
}
