import { expect, test } from "vitest";
import { NO_SPREAD } from "#shared/model";
import { nextProbe, type ProbeState, probeBytes, tellsUplink, UPLINK_ALLOWANCE } from "./probe-policy.ts";

const NEVER = Number.NEGATIVE_INFINITY;
const known: ProbeState = {
  visible: true,
  sending: false,
  cloud: "up",
  takesUplink: true,
  rttProbes: 10,
  lastRttAt: 0,
  uplinkProbes: 3,
  spentBytes: 0,
  lastUplinkAt: 0,
  lastAnswerAt: NEVER,
};
const fresh = { ...known, cloud: "unknown", rttProbes: 0, lastRttAt: NEVER, uplinkProbes: 0 } as const;

test("a new page asks whether the service lives, then measures the uplink", () => {
  expect(nextProbe(fresh, 0)).toBe("rtt");
  expect(nextProbe({ ...fresh, cloud: "up", rttProbes: 1, lastRttAt: 10 }, 10)).toBe("uplink");
});

test("a cloud that takes no uplink probes is asked for the RTT alone", () => {
  expect(
    nextProbe({ ...fresh, takesUplink: false, cloud: "up", rttProbes: 1, lastRttAt: 10 }, 10),
  ).toBeNull();
  expect(nextProbe({ ...known, takesUplink: false, lastAnswerAt: 100 }, 200)).toBeNull();
  expect(nextProbe({ ...known, takesUplink: false }, 2000)).toBe("rtt");
});

test("the RTT is probed every two seconds, and soon after an answer", () => {
  expect(nextProbe(known, 1900)).toBeNull();
  expect(nextProbe(known, 2000)).toBe("rtt");
  expect(nextProbe({ ...known, lastAnswerAt: 100, lastUplinkAt: 100 }, 301)).toBe("rtt");
});

test("an answer that did not tell the uplink is followed by an uplink probe", () => {
  expect(nextProbe({ ...known, lastAnswerAt: 100, lastUplinkAt: 0 }, 200)).toBe("uplink");
  expect(nextProbe({ ...known, lastAnswerAt: 100, lastUplinkAt: 100 }, 200)).toBeNull();
});

test("first uplink probes that told nothing are repeated, after a pause and within the allowance", () => {
  const told = { ...known, uplinkProbes: 0, lastUplinkAt: 1000, lastRttAt: 900 };
  expect(nextProbe(told, 1100)).toBeNull();
  expect(nextProbe(told, 1150)).toBe("uplink");
  expect(nextProbe({ ...told, spentBytes: UPLINK_ALLOWANCE.bytes }, 1150)).toBeNull();
});

test("uplink probes end with their allowance", () => {
  const state = { ...known, lastAnswerAt: 100, spentBytes: UPLINK_ALLOWANCE.bytes };
  expect(nextProbe(state, 290)).toBeNull();
});

test("nothing is probed while an image is sent or nobody looks", () => {
  expect(nextProbe({ ...fresh, sending: true }, 5000)).toBeNull();
  expect(nextProbe({ ...fresh, visible: false }, 5000)).toBeNull();
});

test("a service that is down is asked every second, and sent nothing", () => {
  const down = { ...known, cloud: "down", lastAnswerAt: 500 } as const;
  expect(nextProbe(down, 900)).toBeNull();
  expect(nextProbe(down, 1000)).toBe("rtt");
});

test("a probe's size follows the uplink, within its bounds", () => {
  const at = (uplinkBps: number) => ({
    rttMs: 40,
    uplinkBps,
    downlinkBps: 1e7,
    edgeScale: 1,
    cloudScale: 1,
    queueMs: 0,
    spread: NO_SPREAD,
  });
  expect(probeBytes(at(1e4), false)).toBe(8 << 10);
  expect(probeBytes(at(8e6), false)).toBe(40_000);
  expect(probeBytes({ ...at(8e6), rttMs: 2 }, false)).toBe(20_000);
  expect(probeBytes(at(1e9), false)).toBe(64 << 10);
  expect(probeBytes(at(1e9), true)).toBe(8 << 10);
  expect(tellsUplink(3000, at(1e6))).toBe(true);
  expect(tellsUplink(3000, at(50e6))).toBe(false);
});
