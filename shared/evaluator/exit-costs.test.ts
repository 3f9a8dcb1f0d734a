import { expect, test } from "vitest";
import { elementCount, TRANSPORTS, type WireCodec } from "#shared/model";
import { fixtureModel } from "../model/fixture.ts";
import type { Profile } from "../profile/profile.ts";
import type { Role } from "../profile/role.ts";
import { scaleTransfer, type Transfer, USUAL_TRANSFERS } from "../profile/transfer.ts";
import { exitCosts } from "./exit-costs.ts";

const model = fixtureModel();
const TRANSFER: Transfer = {
  perTensorMs: 0.5,
  perByteMs: 0.001,
  codecs: {
    ...USUAL_TRANSFERS.head.codecs,
    uint8: { perTensorMs: 0.25, perElementMs: 0.01 },
    float32: { perTensorMs: 0.125, perElementMs: 0.02 },
  },
  deflate: { perTensorMs: 0.75, perByteMs: 0.03 },
};
const BYTE = { codec: "uint8", deflate: false } as const;
const WIDE = { codec: "float32", deflate: false } as const;

test("each exit gets its own DAG, and every node in it its own costs", () => {
  const [edge, cloud] = [profile("head", 3), profile("tail", 1)];
  const all = exitCosts(model, edge, cloud, { codec: BYTE });
  expect(all.map(({ exit, position, accuracy }) => [exit, position, accuracy])).toEqual([
    ["early", 0, 0.6],
    ["middle", 1, 0.7],
    ["full", 2, 0.8],
  ]);
  for (const costs of all) {
    const { names } = costs.dag;
    expect(names[0]).toBe("image");
    expect(names.at(-1)).toBe(model.metadata.exits[costs.position]!.node);
    // The exit's scores, 4 values, are read back: 3 * (0.5 + 16 * 0.001).
    const readMs = (name: string) => (name === names.at(-1) ? 3 * 0.516 : 0);
    expect(costs.edgeMs).toEqual(names.map((name) => (edge.nodeMs[name] ?? 0) + readMs(name)));
    expect(costs.cloudMs).toEqual(names.map((name) => cloud.nodeMs[name] ?? 0));
    expect([costs.edgeFixedMs, costs.cloudFixedMs]).toEqual([edge.fixedMs, cloud.fixedMs]);
  }
});

test("a cut tensor is read back and encoded at the edge's pace, decoded and uploaded at the cloud's", () => {
  const costs = exitCosts(model, profile("head", 3), profile("tail", 1), { codec: BYTE }).at(-1)!;
  const join = costs.dag.names.indexOf("join");
  const elements = 8 * 8 * 8;
  expect(costs.edgeCutMs[join]).toBeCloseTo(3 * (0.5 + 4 * elements * 0.001 + 0.25 + elements * 0.01), 12);
  expect(costs.cloudCutMs[join]).toBeCloseTo(0.5 + 4 * elements * 0.001 + 0.25 + elements * 0.01, 12);
  // The image was never on the edge's backend: it is encoded only.
  expect(costs.edgeCutMs[0]).toBeCloseTo(3 * (0.25 + 192 * 0.01), 12);
  const wide = exitCosts(model, profile("head", 3), profile("tail", 1), { codec: WIDE }).at(-1)!;
  expect(wide.edgeCutMs[0]).toBeCloseTo(3 * (0.125 + 192 * 0.02), 12);
});

test("a tensor's bytes are its elements at the codec's width and a header", () => {
  const costs = (codec: WireCodec) =>
    exitCosts(model, profile("head", 1), profile("tail", 1), { codec }).at(-1)!;
  const [narrow, wide] = [costs(BYTE), costs(WIDE)];
  narrow.dag.names.forEach((name, node) => {
    const elements = elementCount(model.metadata.tensors[name]!.shape);
    expect(wide.wireBytes[node]! - narrow.wireBytes[node]!).toBe(3 * elements);
    expect(narrow.wireBytes[node]! - elements).toBeGreaterThan(100);
    expect(narrow.wireBytes[node]! - elements).toBeLessThan(300);
  });
});

test("over the stream a request and its reply are without HTTP's headers", () => {
  const [edge, cloud] = [profile("head", 3), profile("tail", 1)];
  const [fetch, stream] = TRANSPORTS.map((transport) =>
    exitCosts(model, edge, cloud, { codec: BYTE, transport }),
  );
  fetch!.forEach((costs, exit) => {
    const other = stream![exit]!;
    expect(costs.requestBytes - other.requestBytes).toBe(630);
    expect(costs.resultBytes - other.resultBytes).toBe(608);
    expect({ ...other, requestBytes: costs.requestBytes, resultBytes: costs.resultBytes }).toEqual(costs);
  });
  expect(exitCosts(model, edge, cloud, { codec: BYTE })).toEqual(fetch);
});

test("a deflated request pays for deflating the bytes that the codec leaves, and for inflating them", () => {
  const costs = exitCosts(model, profile("head", 3), profile("tail", 1), {
    codec: { codec: "float32", deflate: true },
  }).at(-1)!;
  const join = costs.dag.names.indexOf("join");
  const bytes = 4 * 8 * 8 * 8;
  const movedMs = 0.5 + bytes * 0.001 + 0.125 + (bytes / 4) * 0.02;
  expect(costs.edgeCutMs[join]).toBeCloseTo(3 * (movedMs + 0.75 + bytes * 0.03), 12);
  expect(costs.cloudCutMs[join]).toBeCloseTo(movedMs + 0.75 + bytes * 0.03, 12);
});

test("a profile of another model, of the other role or without a node is refused", () => {
  const [edge, cloud] = [profile("head", 1), profile("tail", 1)];
  const { stem: _, ...others } = edge.nodeMs;
  const wrong: [Profile, Profile][] = [
    [cloud, cloud],
    [edge, edge],
    [{ ...edge, model: "other" }, cloud],
    [{ ...edge, nodeMs: others }, cloud],
  ];
  for (const [head, tail] of wrong) {
    const refused = expect.objectContaining({ code: "bad-profile" });
    expect(() => exitCosts(model, head, tail, { codec: BYTE })).toThrow(refused);
  }
});

function profile(role: Role, scale: number): Profile {
  const names = model.dag.names.slice(1);
  return {
    format: 2,
    model: "fixture",
    version: model.version,
    role,
    device: "fake",
    backend: "fake",
    fixedMs: scale / 2,
    selfTestMs: 1,
    nodeMs: Object.fromEntries(names.map((name, at) => [name, scale * (at + 1)])),
    transfer: scaleTransfer(TRANSFER, scale),
    samples: [],
  };
}
