import { expect, test } from "vitest";
import { addDetour, fixtureModel } from "../../../shared/model/fixture.ts";
import { readModelFolder } from "../files/model-folder.ts";
import { codecCurves } from "./codec-curves.ts";
import { descendants, parseXml, type XmlElement } from "./fixture.ts";

const draw = (svg: string): readonly XmlElement[] => descendants(parseXml(svg));
const titlesOf = (parts: readonly XmlElement[]): readonly string[] =>
  parts.filter(({ name }) => name === "title").map(({ text }) => text);

test("each fitted or learned codec has its line, by the worse of both halves, beside the image's codecs", async () => {
  const model = await readModelFolder("models/resnet-imagenette");
  const svg = codecCurves(model)!;
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  const parts = draw(svg);
  const titles = titlesOf(parts);
  const { fitted, codecs } = model.metadata;
  expect(parts.filter(({ name }) => name === "polyline")).toHaveLength(Object.keys(fitted!).length);
  for (const [name, { rates, through }] of Object.entries(fitted!)) {
    for (const [at, { bytes, loss, reported }] of rates.entries()) {
      const worse = Number((100 * Math.max(loss.exit4!, reported!.exit4!)).toFixed(2));
      const kind = through === undefined ? "linear" : "learned";
      expect(titles).toContain(`${name}, ${kind} ${at + 1}: ${bytes} bytes, ${worse} points lost`);
    }
  }
  const images = codecs!.image!.filter(({ codec, deflate }) => codec === "webp" && !deflate);
  for (const { quality, bytes } of images) {
    expect(titles.some((title) => title.startsWith(`image, webp ${quality}: ${bytes} bytes`))).toBe(true);
  }
});

test("no name lies over another", async () => {
  const svg = codecCurves(await readModelFolder("models/resnet-imagenette"))!;
  const names = draw(svg)
    .filter(({ name, attributes }) => name === "text" && attributes["font-size"] === "11")
    .map(({ text, attributes }) => ({ text, x: Number(attributes.x), y: Number(attributes.y) }));
  expect(names.length).toBeGreaterThan(6);
  for (const [at, one] of names.entries()) {
    const over = names.slice(at + 1).filter(({ x, y, text }) => {
      const [left, right] = one.x < x ? [one, { x, text }] : [{ x, text: text }, one];
      return Math.abs(one.y - y) < 11 && left.x + 6 * left.text.length > right.x;
    });
    expect(over, one.text).toEqual([]);
  }
});

test("a model without such codecs has no curves; one of a single rate has a dot", () => {
  expect(codecCurves(fixtureModel())).toBeNull();
  expect(titlesOf(draw(codecCurves(fixtureModel(addDetour))!))).toContain(
    "join, learned 1: 60 bytes, 4 points lost",
  );
});
