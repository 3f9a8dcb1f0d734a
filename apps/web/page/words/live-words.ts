import type { LiveShares } from "./live-shares.ts";

/** Who answers the live camera's pictures. @param shares null while it is not known yet */
export function liveWords(shares: LiveShares | null): string {
  if (shares === null) return "Who answers your pictures is being counted.";
  const { here } = shares;
  if (here === 10) return "Your phone alone answers nearly all pictures.";
  if (here === 0) return "The cloud finishes nearly all pictures.";
  return `Your phone alone answers ${formatTenths(here)} pictures; the cloud finishes the others.`;
}

export function formatTenths(share: number): string {
  return `${share} in 10`;
}
