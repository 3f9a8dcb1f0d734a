import { expect, test } from "vitest";
import { clientAddress } from "./client-address.ts";
import { isLoopback } from "./is-loopback.ts";

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:db8:0:0:ffff::2", "2001:db8:0:0::/64"],
  ["2001:0DB8:0000:0001:0002:0003:0004:0005", "2001:db8:0:1::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["1:2:3:4:5:6:7::", "1:2:3:4::/64"],
])("%s counts as %s", (address, client) => {
  expect(clientAddress(address)).toBe(client);
});

test("only this machine reaches loopback addresses", () => {
  expect(["127.0.0.1", "127.1.2.3", "::1", "localhost"].map(isLoopback)).toEqual([true, true, true, true]);
  const others = ["0.0.0.0", "::", "192.168.0.1", "127.0.0.1.example.com", "localhost.example.com", ""];
  expect(others.map(isLoopback)).toEqual(others.map(() => false));
});
