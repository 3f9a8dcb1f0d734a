import { isSettingsOpen, objectives, summary } from "../control/store.ts";
import { linkWords } from "../words/link-words.ts";
import { TEXTS } from "../words/texts.ts";
import { Icon } from "./icon.tsx";

export function Header() {
  const { text, isOff } = linkWords(summary.value, objectives.value?.phoneOnly ?? false);
  return (
    <header class="top">
      <h1>EDDI</h1>
      <p class={isOff ? "link off" : "link"}>
        <Icon name={isOff ? "off" : "cloud"} />
        <span>{text}</span>
      </p>
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
