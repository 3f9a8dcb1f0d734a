import { expect, test } from "vitest";
import { contract } from "#shared/evaluator";
import { ancestors, blocks, buildDag, cutVertices, subgraph } from "#shared/graph";
import { randomFrom } from "#shared/random";
import { randomExits } from "../../../shared/evaluator/fixture.ts";
import { randomDag } from "../../../shared/graph/fixture.ts";
import { fixtureModel } from "../../../shared/model/fixture.ts";
import { descendants, parseXml } from "./fixture.ts";
import { layOutGraph } from "./graph-layout.ts";
import { graphSvg } from "./graph-svg.ts";

const SIZE = { width: 200, height: 40 };

test("nodes lie apart, below what they read, and every block inside its band", () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = randomFrom(seed);
    const dag = randomDag(random, 3 + (seed % 14));
    const last = dag.names.length - 1;
    const exits = [...new Set([1 + Math.floor(random() * last), last])].sort((a, b) => a - b);
    const { nodes, blocks: bands, bottom, right } = layOutGraph(dag, exits, SIZE);
    expect(bands.map((band) => band.nodes)).toEqual(blocks(dag).map((block) => block.nodes));
    for (const node of cutVertices(dag)) expect(nodes[node]!.x).toBe(0);
    dag.predecessors.forEach((from, to) => {
      for (const one of from) expect(nodes[to]!.y).toBeGreaterThan(nodes[one]!.y + SIZE.height);
    });
    for (const [i, a] of nodes.entries()) {
      for (const b of nodes.slice(i + 1)) {
        expect(Math.abs(a.x - b.x) >= SIZE.width || Math.abs(a.y - b.y) >= SIZE.height).toBe(true);
      }
      expect(a.x).toBeLessThan(right);
      expect(a.y).toBeLessThan(bottom);
    }
    for (const band of bands) {
      for (const node of band.nodes) {
        const { x, y } = nodes[node]!;
        expect(x - SIZE.width / 2 > band.left && x + SIZE.width / 2 < band.right).toBe(true);
        expect(y - SIZE.height / 2 > band.top && y + SIZE.height / 2 < band.bottom).toBe(true);
      }
    }
  }
});

test("what only an earlier exit needs stands in the lane beside the node that it starts from", () => {
  const dag = buildDag(
    ["in", "a", "b", "e1", "e2"],
    [
      ["in", "a"],
      ["a", "b"],
      ["a", "e1"],
      ["b", "e2"],
    ],
  );
  const { nodes, laneLeft } = layOutGraph(dag, [dag.names.indexOf("e1"), dag.names.indexOf("e2")], SIZE);
  const place = (name: string) => nodes[dag.names.indexOf(name)]!;
  expect(place("e1").x - SIZE.width / 2).toBeGreaterThanOrEqual(laneLeft);
  expect(place("e1").y).toBe(place("a").y);
  for (const name of ["in", "a", "b", "e2"]) expect(place(name).x).toBe(0);
});

test("the picture shows every node and arc of a model once, its exits and its cut vertices", () => {
  const model = fixtureModel();
  const svg = parseXml(graphSvg(model, []));
  const parts = descendants(svg);
  const tips = parts.filter(({ name }) => name === "title").map(({ text }) => text.split("\n")[0]);
  for (const name of model.dag.names) expect(tips.filter((tip) => tip === name)).toHaveLength(1);
  const texts = parts.filter(({ name }) => name === "text").map(({ text }) => text);
  for (const tag of ["early, 60.0 %", "middle, 70.0 %", "full, 80.0 %"]) expect(texts).toContain(tag);
  expect(texts).toContain("_FusedConv2D  8×8×8, 512 B");
  const arcs = model.dag.successors.flat().length;
  const isArc = ({ attributes }: { attributes: Readonly<Record<string, string>> }) =>
    attributes.fill === "none" && !attributes.d!.startsWith("M0,-4h26");
  expect(parts.filter((part) => part.name === "path" && isArc(part))).toHaveLength(arcs);
  expect(texts.filter((text) => text.startsWith("block "))).toEqual(["block 2", "block 3"]);
});

test("arcs that contraction closed are dotted", () => {
  const model = fixtureModel();
  const exit = model.dag.names.indexOf(model.metadata.exits.at(-1)!.node);
  const dag = subgraph(model.dag, ancestors(model.dag, exit));
  const costs = { ...randomExits(randomFrom(1), 5)[0]!, dag };
  const flat = dag.names.map((_, node) => (node === 0 ? 0 : 1));
  const weights = { edgeMs: flat, cloudMs: flat, wireBytes: flat, edgeCutMs: flat, cloudCutMs: flat };
  const all = contract({ ...costs, ...weights }, { for: "latency" });
  const none = { ...all, members: dag.names.map((_, node) => [node]) };
  const dotted = (contraction: typeof all) =>
    descendants(parseXml(graphSvg(model, [none, none, contraction]))).filter(
      ({ attributes }) => attributes["stroke-dasharray"] !== undefined,
    ).length;
  expect(dotted(none)).toBe(1);
  expect(dotted(all)).toBeGreaterThan(3);
});

test("names may hold anything", () => {
  const odd = "<b>&\"'\u0000\ud800</b>";
  const model = fixtureModel((file) => {
    const { eddi } = file.userDefinedMetadata;
    const node = file.modelTopology.node.find(({ name }) => name === "left")!;
    node.name = odd;
    file.modelTopology.node.find(({ name }) => name === "cat")!.input[0] = odd;
    eddi.tensors[odd] = eddi.tensors.left!;
  });
  const tips = descendants(parseXml(graphSvg(model, []))).filter(({ name }) => name === "title");
  expect(tips.map(({ text }) => text.split("\n")[0])).toContain("<b>&\"'\ufffd\ufffd</b>");
});
