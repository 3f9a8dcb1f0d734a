import { useEffect, useRef, useState } from "preact/hooks";
import { BUDGET_MS } from "../../client/index.ts";
import type { Controller } from "../control/controller.ts";
import { keptBytes } from "../control/keep-page.ts";
import { budgetMs, isSettingsOpen, liveRate, modelId, models, objectives } from "../control/store.ts";
import { formatBytes, formatMs, formatOf100 } from "../words/format.ts";
import { type ModelFacts, modelWords } from "../words/model-words.ts";
import { TEXTS } from "../words/texts.ts";
import { Icon } from "./icon.tsx";

/** A browser that does not know it leaves the button and Escape. */
const CLOSED_BY_A_CLICK_BESIDE = { closedby: "any" } as const;

/** What can be set: in a sheet over the page. */
export function Settings({ controller }: { readonly controller: Controller }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = isSettingsOpen.value;
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  const close = (): void => {
    isSettingsOpen.value = false;
  };
  return (
    <dialog
      ref={dialog}
      class="sheet"
      aria-labelledby="settings-title"
      onClose={close}
      {...CLOSED_BY_A_CLICK_BESIDE}
    >
      <div class="sheet-body">
        <div class="sheet-top">
          <h2 id="settings-title">{TEXTS.settings}</h2>
          <button type="button" class="tap" aria-label={TEXTS.close} onClick={close}>
            <Icon name="close" />
          </button>
        </div>
        <h3>{TEXTS.matters}</h3>
        <Objective controller={controller} />
        <h3>{TEXTS.leaves}</h3>
        <Switches controller={controller} />
        <h3>{TEXTS.live}</h3>
        <Switch
          name={TEXTS.most}
          isOn={liveRate.value === "most"}
          onSet={(isOn) => controller.setLiveRate(isOn ? "most" : null)}
        />
        <h3>Model</h3>
        <ModelPicker controller={controller} />
        {isOpen && <ModelCards controller={controller} />}
        <h3>{TEXTS.visit}</h3>
        <SaveVisit controller={controller} />
        <OpenVisit controller={controller} />
        <h3>{TEXTS.kept}</h3>
        {isOpen && <KeptHere controller={controller} />}
      </div>
    </dialog>
  );
}

/** The best answer within the limit, or the fastest that is right often enough. */
function Objective({ controller }: { readonly controller: Controller }) {
  const minAccuracy = objectives.value?.minAccuracy ?? null;
  const choices = [
    [TEXTS.best, null],
    [TEXTS.fastest, minAccuracy ?? LEAST_RIGHT.usual],
  ] as const;
  return (
    <>
      {choices.map(([name, value]) => (
        <label key={name} class="row opt">
          <input
            class="pick"
            type="radio"
            name="objective"
            checked={(value === null) === (minAccuracy === null)}
            onChange={() => controller.setMinAccuracy(value)}
          />
          <span>{name}</span>
        </label>
      ))}
      {minAccuracy === null ? (
        <LimitSlider controller={controller} />
      ) : (
        <label class="slide" for="right">
          <span>{TEXTS.right}</span>
          <b>{`${formatOf100(minAccuracy)} of 100`}</b>
          <input
            id="right"
            class="r"
            type="range"
            min={LEAST_RIGHT.least}
            max={LEAST_RIGHT.most}
            step={0.005}
            value={minAccuracy}
            style={{
              "--p": `${(100 * (minAccuracy - LEAST_RIGHT.least)) / (LEAST_RIGHT.most - LEAST_RIGHT.least)}%`,
            }}
            aria-label={TEXTS.right}
            aria-valuetext={`${formatOf100(minAccuracy)} of 100`}
            onInput={({ currentTarget }) => controller.setMinAccuracy(Number(currentTarget.value))}
          />
        </label>
      )}
    </>
  );
}

/** Of the slider: shares of photos. */
const LEAST_RIGHT = { least: 0.5, usual: 0.85, most: 1 } as const;

function Switches({ controller }: { readonly controller: Controller }) {
  const { phoneOnly = false, earlyExits = true } = objectives.value ?? {};
  return (
    <>
      <Switch name={TEXTS.phoneOnly} isOn={phoneOnly} onSet={(isOn) => controller.setPhoneOnly(isOn)} />
      <Switch name={TEXTS.earlyExits} isOn={earlyExits} onSet={(isOn) => controller.setEarlyExits(isOn)} />
    </>
  );
}

function Switch(props: {
  readonly name: { readonly what: string; readonly why: string };
  readonly isOn: boolean;
  readonly onSet: (isOn: boolean) => void;
}) {
  const { name, isOn, onSet } = props;
  return (
    <label class="row">
      <span>
        {name.what}
        <br />
        <span class="q small">{name.why}</span>
      </span>
      <input
        class="switch"
        type="checkbox"
        aria-label={name.what}
        checked={isOn}
        onChange={({ currentTarget }) => onSet(currentTarget.checked)}
      />
    </label>
  );
}

/** Saves what happened on this visit, but no picture. */
function SaveVisit({ controller }: { readonly controller: Controller }) {
  const save = async (): Promise<void> => {
    const file = await controller.visitFile();
    if (file === null) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = "eddi-visit.json";
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <div class="row">
      <p>{TEXTS.visitWhat}</p>
      <button type="button" class="btn" onClick={() => void save()}>
        {TEXTS.save}
      </button>
    </div>
  );
}

/** Shows a visit that was saved, or says why the file is none. */
function OpenVisit({ controller }: { readonly controller: Controller }) {
  const file = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const open = async (chosen: File): Promise<void> => {
    try {
      await controller.openVisit(chosen);
      setProblem(null);
      isSettingsOpen.value = false;
    } catch (thrown) {
      setProblem((thrown as Error).message);
    }
  };
  return (
    <div class="row">
      <input
        ref={file}
        type="file"
        accept="application/json,.json"
        hidden
        onChange={({ currentTarget }) => {
          const chosen = currentTarget.files?.[0];
          currentTarget.value = "";
          if (chosen !== undefined) void open(chosen);
        }}
      />
      <p role="status" class={problem === null ? "" : "late-t"}>
        {problem ?? TEXTS.openWhat}
      </p>
      <button type="button" class="btn" onClick={() => file.current?.click()}>
        {TEXTS.open}
      </button>
    </div>
  );
}

/** What is kept for visits without a network, and a way to be rid of it. */
function KeptHere({ controller }: { readonly controller: Controller }) {
  const [bytes, setBytes] = useState<number | null>(null);
  const [isGone, setGone] = useState(false);
  useEffect(() => void keptBytes().then(setBytes), []);
  const about = bytes === null ? "" : `, about ${formatBytes(bytes)}`;
  return (
    <div class="row">
      <p role="status">{isGone ? TEXTS.keptNothing : `${TEXTS.keptWhat}${about}. ${TEXTS.keptFor}`}</p>
      <button
        type="button"
        class="btn"
        disabled={isGone}
        onClick={() => void controller.forgetAll().then(() => setGone(true))}
      >
        {TEXTS.forget}
      </button>
    </div>
  );
}

/** Steps of the slider: even on a logarithmic scale. */
const STEPS = 100;
const RATIO = BUDGET_MS.most / BUDGET_MS.least;

/** The whole range of limits, on a logarithmic scale. */
function LimitSlider({ controller }: { readonly controller: Controller }) {
  const value = budgetMs.value;
  const step = Math.round((STEPS * Math.log(value / BUDGET_MS.least)) / Math.log(RATIO));
  return (
    <label class="slide" for="limit">
      <span>{TEXTS.within}</span>
      <b>{formatMs(value)}</b>
      <input
        id="limit"
        class="r"
        type="range"
        min={0}
        max={STEPS}
        value={step}
        style={{ "--p": `${step}%` }}
        aria-label={TEXTS.within}
        aria-valuetext={formatMs(value)}
        onInput={(event) => controller.setBudget(toMs(Number(event.currentTarget.value)))}
      />
    </label>
  );
}

function toMs(step: number): number {
  const ms = BUDGET_MS.least * RATIO ** (step / STEPS);
  const grain = 10 ** Math.max(0, Math.floor(Math.log10(ms)) - 1);
  return Math.round(ms / grain) * grain;
}

/** What the models weigh, how right they are and what they know: to choose by. */
function ModelCards({ controller }: { readonly controller: Controller }) {
  const [cards, setCards] = useState<readonly (readonly [string, ModelFacts])[]>([]);
  const names = models.value;
  useEffect(() => {
    const all = names.map(async (name) => [name, await controller.modelFacts(name)] as const);
    void Promise.all(all).then((told) =>
      setCards(told.flatMap(([name, facts]) => (facts === null ? [] : [[name, facts] as const]))),
    );
  }, [controller, names]);
  return (
    <dl class="cards">
      {cards.map(([name, facts]) => (
        <div key={name}>
          <dt>
            {name} {name === modelId.value && <span class="tag">{TEXTS.here}</span>}
          </dt>
          <dd class="q small">{modelWords(facts)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Changes to another of the service's models: the page opens anew with it. */
function ModelPicker({ controller }: { readonly controller: Controller }) {
  const current = modelId.value;
  const names = [...new Set([...models.value, ...(current === null ? [] : [current])])].sort();
  if (current === null) return null;
  return (
    <select
      class="model"
      aria-label="Model"
      value={current}
      onChange={(event) => location.assign(controller.addressFor(event.currentTarget.value))}
    >
      {names.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}
