/** For tests only: an element of XML, with the text directly in it. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

/** For tests only: reads the XML that we write; throws where it is not well-formed. */
export function parseXml(source: string): XmlElement {
  const root = { name: "", attributes: {}, children: [] as XmlElement[], text: "" };
  const open: (typeof root)[] = [root];
  for (const [piece] of source.trim().matchAll(/<[^>]*>|[^<]+|</g)) {
    const inner = open.at(-1)!;
    const tag = /^<(\/?)([a-zA-Z]+)((?: [\w:-]+="[^"<]*")*)(\/?)>$/.exec(piece);
    if (tag === null) {
      if (piece.startsWith("<")) throw new Error(`no tag: ${piece}`);
      inner.text += decode(piece);
    } else if (tag[1] === "/") {
      if (inner.name !== tag[2]) throw new Error(`expected </${inner.name}>, got ${piece}`);
      open.pop();
    } else {
      const attributes: Record<string, string> = {};
      for (const [, key, value] of tag[3]!.matchAll(/ ([\w:-]+)="([^"]*)"/g)) {
        if (attributes[key!] !== undefined) throw new Error(`twice: ${key}`);
        attributes[key!] = decode(value!);
      }
      const element = { name: tag[2]!, attributes, children: [], text: "" };
      inner.children.push(element);
      if (tag[4] === "") open.push(element);
    }
  }
  if (open.length !== 1 || root.children.length !== 1) throw new Error("expected one closed root");
  return root.children[0]!;
}

/** For tests only: an element and all below it, in the order of the document. */
export function descendants(element: XmlElement): readonly XmlElement[] {
  return [element, ...element.children.flatMap(descendants)];
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"' };

function decode(text: string): string {
  return text.replace(/&(\w*);?/g, (found, name: string) => {
    if (!found.endsWith(";") || ENTITIES[name] === undefined) throw new Error(`no entity: ${found}`);
    return ENTITIES[name];
  });
}
