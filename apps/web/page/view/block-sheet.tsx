import { lazy, Suspense } from "preact/compat";
import { useEffect, useState } from "preact/hooks";
import type { Imagined } from "../../talk/optimizer.ts";
import type { Controller } from "../control/controller.ts";
import { answer, blocks, budgetMs, model, nodeFacts, picture, selectedBlock } from "../control/store.ts";
import type { Block } from "../graph/fold.ts";
import { formatBytes, formatMs } from "../words/format.ts";
import { TEXTS } from "../words/texts.ts";
import { neededFor } from "../words/way.ts";
import { Icon } from "./icon.tsx";
import { Bar, roundUp, TimeAxis } from "./time-axis.tsx";
import { predictedParts } from "./times.ts";

/** The layout library comes when somebody wants to see layers. */
const Layers = lazy(() => import("./layers.tsx").then((module) => ({ default: module.Layers })));

/** What the chosen block takes here and there, and what a cut behind it, or an answer there, would cost. */
export function BlockSheet({ controller }: { readonly controller: Controller }) {
  const block = blocks.value.find(({ number }) => number === selectedBlock.value);
  const [areLayersOpen, setLayersOpen] = useState(false);
  if (block === undefined) return null;
  return (
    <section class="node" aria-label={`Block ${block.number}`}>
      <h2>
        <span>
          Block {block.number} <span class="q small">{layersWords(block)}</span>
        </span>
        <button
          type="button"
          class="tap"
          aria-label={`Close block ${block.number}`}
          onClick={() => {
            selectedBlock.value = null;
          }}
        >
          <Icon name="close" />
        </button>
      </h2>
      <p>{blockWords(block)}</p>
      <Compare controller={controller} block={block} />
      <div class="acts">
        <PinButtons controller={controller} block={block} />
        <button
          type="button"
          class="btn"
          aria-expanded={areLayersOpen}
          onClick={() => setLayersOpen(!areLayersOpen)}
        >
          {TEXTS.layers}
        </button>
      </div>
      {areLayersOpen && (
        <Suspense fallback={<p class="q small">{TEXTS.looking}</p>}>
          <Layers block={block} />
        </Suspense>
      )}
    </section>
  );
}

function layersWords({ nodes }: Block): string {
  return nodes.length === 1 ? "1 layer" : `${nodes.length} layers`;
}

function blockWords({ nodes }: Block): string {
  const facts = nodeFacts.value.filter(({ name }) => nodes.includes(name));
  const sum = (ms: (fact: (typeof facts)[number]) => number): number =>
    facts.reduce((total, fact) => total + ms(fact), 0);
  const there = sum(({ cloudMs }) => cloudMs);
  const here = sum(({ edgeMs }) => edgeMs);
  return `${formatMs(here)} on your phone, ${formatMs(there)} in the cloud.`;
}

/** Of the plan that a cut behind the block is: its head. */
function headBehind(block: Block, exit: string): readonly string[] {
  const known = model.value!;
  const all = blocks.value.filter(({ number }) => number <= block.number).flatMap(({ nodes }) => nodes);
  const needed = new Set(neededFor(exit, known));
  return [known.nodes[0]!.name, ...all.filter((name) => needed.has(name))];
}

function lastExit(): string {
  return model.value!.exits.at(-1)!.id;
}

/** The Optimizer's choice and a cut behind the block, as they are expected, on one axis. */
function Compare({ controller, block }: { readonly controller: Controller; readonly block: Block }) {
  const [rows, setRows] = useState<readonly (readonly [string, Imagined])[]>([]);
  const last = answer.value;
  useEffect(() => {
    let isOver = false;
    const plan = { exit: lastExit(), head: headBehind(block, lastExit()) };
    void controller.imagine([{}, { plan }]).then((came) => {
      if (isOver) return;
      setRows(came.map((one, at) => [at === 0 ? TEXTS.asChosen : cutWords(block), one]));
    });
    return () => {
      isOver = true;
    };
  }, [controller, block, last]);
  const limitMs = budgetMs.value;
  const longest = Math.max(limitMs, ...rows.map(([, { prediction }]) => prediction?.totalMs ?? 0));
  const maxMs = roundUp(1.05 * Math.min(longest, 4 * limitMs));
  return (
    <ul class="ways compare">
      {rows.map(([name, { prediction, sentBytes }]) => {
        const totalMs = prediction?.totalMs ?? 0;
        const over = totalMs - limitMs;
        return (
          <li key={name}>
            <div class="way-head">
              <span>{name}</span>
              <span>
                {over > 0 && <span class="late-t">{`${formatMs(over)} ${TEXTS.late} `}</span>}
                <b>{formatMs(totalMs)}</b>
                {sentBytes > 0 && <span class="q">{` · ${formatBytes(sentBytes)}`}</span>}
              </span>
            </div>
            <TimeAxis maxMs={maxMs} limitMs={limitMs} totalMs={Math.min(totalMs, maxMs)}>
              <Bar parts={prediction === null ? [] : predictedParts(prediction)} />
              <div class="limit" />
            </TimeAxis>
          </li>
        );
      })}
    </ul>
  );
}

function cutWords(block: Block): string {
  return block.number === blocks.value.length ? TEXTS.ways["all-edge"] : `Cut after block ${block.number}`;
}

/** The same photo again, cut or answered here. */
function PinButtons({ controller, block }: { readonly controller: Controller; readonly block: Block }) {
  const isAnswered = picture.value !== null && answer.value !== null;
  const [exit] = block.exits;
  const head = (of: string): readonly string[] => headBehind(block, of);
  const isLast = block.number === blocks.value.length;
  return (
    <>
      {!isLast && (
        <button
          type="button"
          class="btn"
          disabled={!isAnswered}
          onClick={() => void controller.pin({ exit: lastExit(), head: head(lastExit()) })}
        >
          Cut here
        </button>
      )}
      {exit !== undefined && (
        <button
          type="button"
          class="btn"
          disabled={!isAnswered}
          onClick={() => void controller.pin({ exit: exit.id, head: neededFor(exit.id, model.value!) })}
        >
          Answer here
        </button>
      )}
    </>
  );
}
