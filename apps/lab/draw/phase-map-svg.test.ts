import { expect, test } from "vitest";
import { randomFrom } from "#shared/random";
import { descendants, parseXml, type XmlElement } from "./fixture.ts";
import { type PhaseCell, type PhaseMap, phaseMapSvg } from "./phase-map-svg.ts";

const cell = (exit: string, cut: readonly string[], feasible = true): PhaseCell => ({ exit, cut, feasible });

/** Values at even steps on a logarithmic axis. */
const steps = (low: number, high: number, count: number): number[] =>
  Array.from({ length: count }, (_, at) => low * (high / low) ** (at / (count - 1)));

function mapOf(cells: (row: number, column: number) => PhaseCell): PhaseMap {
  const [uplinkMbps, cloudScales] = [steps(0.05, 100, 40), steps(0.25, 16, 20)];
  return {
    title: "test, RTT 40 ms, budget 200 ms",
    uplinkMbps,
    cloudScales,
    cells: cloudScales.map((_, row) => uplinkMbps.map((_, column) => cells(row, column))),
  };
}

const draw = (map: PhaseMap): readonly XmlElement[] => descendants(parseXml(phaseMapSvg(map)));
const ofClass = (parts: readonly XmlElement[], name: string) =>
  parts.filter(({ attributes }) => attributes.class === name);
const textsOf = (parts: readonly XmlElement[]) =>
  parts.filter(({ name }) => name === "text").map(({ text }) => text);

test("every exit and cut is one region with a key of its own and a colour of its own", () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = randomFrom(seed);
    const kinds = ["exit1", "exit2", "exit10"].flatMap((exit) =>
      [[], ["a"], ["a", "b"]].map((cut) => cell(exit, cut)),
    );
    const map = mapOf(() => kinds[Math.floor(random() * kinds.length)]!);
    const parts = draw(map);
    const regions = ofClass(parts, "region");
    expect(regions).toHaveLength(kinds.length);
    expect(new Set(regions.map(({ attributes }) => attributes.fill)).size).toBe(kinds.length);
    expect(ofClass(parts, "key")).toHaveLength(kinds.length);
    const exits = ofClass(parts, "key").map((key) => textsOf(descendants(key)).at(-1)!.split(",")[0]);
    expect([...new Set(exits)]).toEqual(["exit1", "exit2", "exit10"]);
  }
});

test("the outlines cover the map: each area is that of its cells, holes and separate parts included", () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = randomFrom(seed);
    const map = mapOf((row, column) => {
      const kind = random() < 0.8 ? Math.hypot(row - 10, column - 20) < 6 : random() < 0.5;
      return cell(kind ? "in" : "out", []);
    });
    const regions = ofClass(draw(map), "region");
    const areas = regions.map(({ attributes }) => areaOf(attributes.d!));
    const counts = ["in", "out"].map((exit) => map.cells.flat().filter((one) => one.exit === exit).length);
    const whole = areas.reduce((a, b) => a + b, 0);
    // Coordinates are written to a tenth of a pixel.
    for (const [at, count] of counts.entries()) expect(areas[at]! / whole).toBeCloseTo(count / 800, 2);
    expect(whole).toBeCloseTo(720 * 430, -3);
  }
});

test("infeasible cells are hatched whatever their plan, and the key says so", () => {
  const all = draw(mapOf(() => cell("exit1", [])));
  expect(ofClass(all, "missed")).toEqual([]);
  const some = draw(mapOf((row, column) => cell(row < 10 ? "exit1" : "exit2", [], column >= 20)));
  expect(ofClass(some, "region")).toHaveLength(2);
  expect(ofClass(some, "missed")).toHaveLength(1);
  expect(areaOf(ofClass(some, "missed")[0]!.attributes.d!)).toBeCloseTo((720 * 430) / 2, -3);
  expect(textsOf(some)).toContain("no plan meets the objective (50 %)");
});

test("axes and networks stand where their values lie", () => {
  const parts = draw(mapOf(() => cell("exit1", [])));
  const isLabel = ({ attributes }: XmlElement) =>
    attributes["text-anchor"] === "middle" && attributes["font-weight"] === undefined;
  const at = (text: string) =>
    Number(parts.find((part) => part.text === text && isLabel(part))!.attributes.x);
  expect(at("10") - at("1")).toBeCloseTo(at("100") - at("10"), 1);
  expect((at("4G 5.85") - at("1")) / (at("10") - at("1"))).toBeCloseTo(Math.log10(5.85), 2);
  for (const name of ["CAT1 0.13", "3G 1.1", "Wi-Fi 18.88"]) expect(textsOf(parts)).toContain(name);
  const narrow = draw({ ...mapOf(() => cell("exit1", [])), uplinkMbps: steps(1, 10, 40) });
  expect(textsOf(narrow)).not.toContain("CAT1 0.13");
});

test("names and titles may hold anything, and one cell is a map", () => {
  const odd = `<&"'>`;
  const map = { title: odd, uplinkMbps: [1], cloudScales: [1], cells: [[cell(odd, [odd, "b"])]] };
  const parts = draw(map);
  expect(textsOf(parts)).toContain(odd);
  expect(textsOf(parts)).toContain(`${odd}, cut at ${odd} + b (100 % of the map)`);
  expect(areaOf(ofClass(parts, "region")[0]!.attributes.d!)).toBeCloseTo(720 * 430, -1);
});

/** Of a path of closed polygons, less that of its holes: rows rise, so outer loops turn counter-clockwise. */
function areaOf(path: string): number {
  const loops = path.split("Z").filter(Boolean);
  return loops.reduce((total, loop) => {
    const points = loop
      .slice(1)
      .split("L")
      .map((point) => point.split(",").map(Number) as [number, number]);
    const doubled = points.reduce((sum, [x, y], at) => {
      const [nextX, nextY] = points[(at + 1) % points.length]!;
      return sum + x * nextY - nextX * y;
    }, 0);
    return total - doubled / 2;
  }, 0);
}
