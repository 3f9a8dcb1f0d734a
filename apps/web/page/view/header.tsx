import type { Controller } from "../control/controller.ts";
import { simulatedOf, tried } from "../control/simulation.ts";
import { isSettingsOpen, objectives, summary } from "../control/store.ts";
import { triedWords } from "../words/imagined-words.ts";
import { linkWords } from "../words/link-words.ts";
import { TEXTS } from "../words/texts.ts";
import { Icon } from "./icon.tsx";

export function Header({ controller }: { readonly controller: Controller }) {
  return (
    <header class="top">
      <h1>EDDI</h1>
      {tried.value === null ? <Link /> : <Tried controller={controller} />}
      <button
        type="button"
        class="tap"
        aria-label={TEXTS.settings}
        onClick={() => {
          isSettingsOpen.value = true;
        }}
      >
        <Icon name="gear" />
      </button>
    </header>
  );
}

function Link() {
  const { text, isOff } = linkWords(summary.value, objectives.value?.phoneOnly ?? false);
  // Another text is another paragraph: one that grew to the left would count as a shift.
  return (
    <p key={text} class={isOff ? "link off" : "link"}>
      <Icon name={isOff ? "off" : "cloud"} />
      <span>{text}</span>
    </p>
  );
}

/** Takes the connection's place while another one is simulated, and ends that. */
function Tried({ controller }: { readonly controller: Controller }) {
  const text = `${TEXTS.tried}: ${triedWords(simulatedOf(tried.value!))}`;
  return (
    <button
      type="button"
      class="link sim"
      aria-label={`${text}. ${TEXTS.tryEnd}`}
      onClick={() => controller.tryConditions(null)}
    >
      <span>{text}</span>
      <Icon name="close" />
    </button>
  );
}
