import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import {
  type CodecCost,
  everyNode,
  exitById,
  type FittedTensor,
  type Model,
  type ModelMetadata,
  readMetadata,
  readModel,
  type ShardInfo,
  verifyShard,
} from "#shared/model";
import { ACCURACY_SECTION } from "../evaluate/accuracy-card.ts";
import { CONFIDENCE_SECTION } from "../evaluate/calibrate.ts";
import { CHEAPER_SECTION, CODECS_SECTION } from "../evaluate/codec-section.ts";
import { withSection } from "../files/card-section.ts";
import { readModelFolder, readShard } from "../files/model-folder.ts";
import { putFolder } from "../files/put-folder.ts";
import { codecTitle } from "../fit-codec/fitted-section.ts";
import { readModelFile, readWeights, type WeightGroup } from "../import/model-file.ts";
import { openSource } from "../import/source.ts";
import { VERDICTS_FILE } from "../simulate/verdicts/verdicts.ts";

export interface DroppedExit {
  /** What only this exit needed: nodes, and bytes of weights. */
  readonly nodes: number;
  readonly bytes: number;
  /** The model as it is now. */
  readonly model: Model;
}

/** A model.json as it is written, as far as an exit is in it. */
interface OurJson {
  signature: { outputs: Record<string, unknown> };
  modelTopology: { node: readonly { readonly name: string }[] };
  weightsManifest: readonly WeightGroup[];
  userDefinedMetadata: { eddi: ModelMetadata };
}

/**
 * Takes an exit out of a model, with the nodes, weights and timings that only it needed. What stays stays bit by bit,
 * weights in the shards they were in; policies that ask or end at the exit go, and so do the verdicts, which are of
 * another version.
 *
 * @throws EddiError `bad-argument` for the only exit, `not-found` naming the exits for one that is not there
 */
export async function dropExit(folder: string, id: string): Promise<DroppedExit> {
  const before = await readModelFolder(folder);
  const dropped = exitById(before.metadata, id);
  const exits = before.metadata.exits.filter((exit) => exit !== dropped);
  if (exits.length === 0) {
    throw new EddiError(
      "bad-argument",
      `--exit: expected a model that keeps an exit, got its only one, ${id}`,
    );
  }
  for (const shard of before.shards) verifyShard(shard, await readShard(folder, shard));
  const source = await openSource(folder);
  const file = readModelFile(source);
  const stored = new Map((await readWeights(source, file)).map(({ entry, bytes }) => [entry.name, bytes]));
  const json = structuredClone(file.json) as unknown as OurJson;
  const { policies: _, codecs: __, fitted: ___, ...graph } = before.metadata;
  json.userDefinedMetadata.eddi = { ...graph, exits };
  // What no exit needs is no part of the model.
  const needed = new Set(readModel(encoded(json)).dag.names);
  const codecs = keptCodecs(before, needed, new Set(exits.map((exit) => exit.id)));
  const gone = Object.keys(before.metadata.fitted ?? {}).filter((name) => !codecs.has(name));
  const aside = [...codecs].flatMap((name) => before.detours.get(name)?.nodes ?? []);
  const kept = new Set([...needed, ...aside.map(({ name }) => name)]);
  const groups = file.groups.flatMap((group) => keptGroup(group, before, kept, codecs));
  const shards = new Map(
    groups.map(({ paths, weights }) => [
      paths[0]!,
      Buffer.concat(weights.map(({ name }) => stored.get(name)!)),
    ]),
  );
  json.weightsManifest = groups;
  const constants = new Set(
    everyNode(before).flatMap(({ name, weights }) => (kept.has(name) ? weights : [])),
  );
  json.modelTopology.node = json.modelTopology.node.filter(
    ({ name }) => kept.has(name) || constants.has(name),
  );
  delete json.signature.outputs[id];
  json.userDefinedMetadata.eddi = metadataOf(before.metadata, exits, { kept, codecs }, shards);
  const bytes = encoded(json);
  const model = readModel(bytes);
  await putFolder(folder, async (draft) => {
    const drawings = new Set([...shards.keys()].map((shard) => shard.replace(/\.bin$/, ".svg")));
    const isKept = (place: string): boolean =>
      drawings.has(place) ||
      (!/^(model\.json|weights-\d+\.bin|codec-.*|profiles)$/.test(place) && place !== VERDICTS_FILE);
    await cp(folder, draft, { recursive: true, filter: (place) => isKept(path.relative(folder, place)) });
    await mkdir(path.join(draft, "profiles"), { recursive: true });
    const profiles = path.join(folder, "profiles");
    for (const name of await readdir(profiles).catch(() => [])) {
      const profile = JSON.parse(await readFile(path.join(profiles, name), "utf8"));
      await writeFile(
        path.join(draft, "profiles", name),
        JSON.stringify(timesOf(profile, id, { kept, codecs }), null, 1),
      );
    }
    const card = await readFile(path.join(folder, "card.md"), "utf8").catch(() => null);
    if (card !== null) await writeFile(path.join(draft, "card.md"), withoutFigures(card, gone));
    for (const [name, content] of shards) await writeFile(path.join(draft, name), content);
    await writeFile(path.join(draft, "model.json"), bytes);
  });
  const size = ({ shards: all }: Model): number => all.reduce((sum, shard) => sum + shard.bytes, 0);
  return { nodes: before.nodes.length - model.nodes.length, bytes: size(before) - size(model), model };
}

/**
 * Without what was measured with the exit: it is to be measured anew.
 *
 * @param gone tensors whose codecs went with it
 */
function withoutFigures(card: string, gone: readonly string[]): string {
  const codecs = gone.map((name) => codecTitle(name));
  const stale = [ACCURACY_SECTION, CONFIDENCE_SECTION, CODECS_SECTION, CHEAPER_SECTION, ...codecs];
  return stale.reduce((left, title) => withSection(left, title, null), card);
}

const encoded = (json: object): Uint8Array => new TextEncoder().encode(`${JSON.stringify(json)}\n`);

/** What stays of a model: nodes, those of learned codecs too, and the tensors whose fitted codecs do. */
interface Kept {
  readonly kept: ReadonlySet<string>;
  readonly codecs: ReadonlySet<string>;
}

/**
 * Tensors whose codecs lead to some exit still.
 *
 * @param needed nodes that the exits need
 */
function keptCodecs(
  { metadata }: Model,
  needed: ReadonlySet<string>,
  exits: ReadonlySet<string>,
): ReadonlySet<string> {
  const all = Object.entries(metadata.fitted ?? {});
  const left = all.filter(([name, { through, rates }]) => {
    const leads = Object.keys(rates[0]!.loss).some((exit) => exits.has(exit));
    return leads && needed.has(name) && needed.has(through?.replaces ?? name);
  });
  return new Set(left.map(([name]) => name));
}

/** The weights of a shard that are still read; none where none is. */
function keptGroup(
  group: WeightGroup,
  model: Model,
  kept: ReadonlySet<string>,
  codecs: ReadonlySet<string>,
): WeightGroup[] {
  const fitted = Object.entries(model.metadata.fitted ?? {}).find(
    ([, { shard }]) => shard === group.paths[0],
  );
  if (fitted !== undefined) return codecs.has(fitted[0]) ? [group] : [];
  const read = new Set(everyNode(model).flatMap(({ name, weights }) => (kept.has(name) ? weights : [])));
  const weights = group.weights.filter(({ name }) => read.has(name));
  return weights.length === 0 ? [] : [{ ...group, weights }];
}

function metadataOf(
  metadata: ModelMetadata,
  exits: ModelMetadata["exits"],
  { kept, codecs: fittedTo }: Kept,
  shards: ReadonlyMap<string, Uint8Array>,
): ModelMetadata {
  const { policies = [], codecs, fitted, tensors, ...rest } = metadata;
  const ids = new Set(exits.map(({ id }) => id));
  const isWhole = policies.filter(
    ({ exit, early }) => ids.has(exit) && early.every((one) => ids.has(one.exit)),
  );
  const costs = Object.entries(codecs ?? {}).flatMap(([name, all]): [string, readonly CodecCost[]][] => {
    const behind = all.map((cost) => withoutOthers(cost, ids));
    return kept.has(name) && Object.keys(behind[0]!.loss).length > 0 ? [[name, behind]] : [];
  });
  const rates = Object.entries(only(fitted ?? {}, fittedTo)).map(([name, one]): [string, FittedTensor] => {
    return [name, { ...one, rates: one.rates.map((rate) => withoutOthers(rate, ids)) }];
  });
  const infos = [...shards].map(([name, bytes]): [string, ShardInfo] => {
    return [name, { bytes: bytes.byteLength, sha256: createHash("sha256").update(bytes).digest("hex") }];
  });
  return readMetadata({
    ...rest,
    exits,
    // Shares of the images that are left are of the exits that are left.
    ...(isWhole.length === 0 ? {} : { policies: isWhole.map((one) => ({ ...one, ...restOf(one, ids) })) }),
    tensors: only(tensors, kept),
    ...(costs.length === 0 ? {} : { codecs: Object.fromEntries(costs) }),
    ...(rates.length === 0 ? {} : { fitted: Object.fromEntries(rates) }),
    shards: Object.fromEntries(infos),
  });
}

type Losses = Pick<CodecCost, "loss" | "reported">;

function withoutOthers<Cost extends Losses>(cost: Cost, exits: ReadonlySet<string>): Cost {
  const { loss, reported } = cost;
  return {
    ...cost,
    loss: only(loss, exits),
    ...(reported === undefined ? {} : { reported: only(reported, exits) }),
  };
}

const restOf = (
  { rest }: { readonly rest?: Readonly<Record<string, number>> },
  exits: ReadonlySet<string>,
) => (rest === undefined ? {} : { rest: only(rest, exits) });

const only = <T>(all: Readonly<Record<string, T>>, names: ReadonlySet<string>): Record<string, T> =>
  Object.fromEntries(Object.entries(all).filter(([name]) => names.has(name)));

/** A profile without what is no longer there; of the rest the times are what they were. */
function timesOf(
  profile: {
    nodeMs?: Record<string, number>;
    detourMs?: Record<string, number>;
    samples?: { exit: string }[];
  },
  id: string,
  { kept, codecs }: Kept,
): object {
  const { nodeMs, detourMs, samples } = profile;
  return {
    ...profile,
    ...(nodeMs === undefined ? {} : { nodeMs: only(nodeMs, kept) }),
    ...(detourMs === undefined ? {} : { detourMs: only(detourMs, codecs) }),
    ...(samples === undefined ? {} : { samples: samples.filter(({ exit }) => exit !== id) }),
  };
}
