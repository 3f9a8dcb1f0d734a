import { isIPv6 } from "node:net";

/**
 * What stands for a client without a key: its IPv4 address; of IPv6 the first 64 bits, since whoever has one such
 * address has all of them.
 *
 * @param address as Node has it: IPv4 may come as `::ffff:192.0.2.1`, IPv6 with a zone
 */
export function clientAddress(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
  // Behind a proxy that is not what --trust-proxy says, it may be anything, of any length.
  if (!isIPv6(plain)) return plain.slice(0, 64);
  const [left = "", right] = plain.toLowerCase().split("::");
  const groups = left === "" ? [] : left.split(":");
  const after = right === undefined || right === "" ? 0 : right.split(":").length;
  const zeros = right === undefined ? 0 : Math.max(0, 8 - groups.length - after);
  const all = [...groups, ...Array(zeros).fill("0"), ...(right ?? "").split(":")];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
