import { useRef } from "preact/hooks";
import type { Controller } from "../control/controller.ts";
import {
  areSamplesOpen,
  camera,
  cameraMuted,
  isCameraPlaying,
  isWide,
  model,
  pinned,
  selectedBlock,
  summary,
  tab,
} from "../control/store.ts";
import { nextWords } from "../words/next-words.ts";
import { TEXTS } from "../words/texts.ts";
import { wayOf } from "../words/way.ts";
import { BlockSheet } from "./block-sheet.tsx";
import { Icon } from "./icon.tsx";
import { SampleStrip } from "./sample-strip.tsx";
import { Words } from "./words.tsx";

/** Where pictures come from, under a line that says what the next one will send. */
export function Dock({ controller }: { readonly controller: Controller }) {
  const isClosed = camera.value === "closed";
  const file = useRef<HTMLInputElement>(null);
  if (tab.value === "split" && selectedBlock.value !== null && !isWide.value && isClosed) {
    return (
      <div class="dock nodes">
        <BlockSheet controller={controller} />
      </div>
    );
  }
  return (
    <div class="dock">
      <input
        ref={file}
        type="file"
        accept="image/*"
        hidden
        onChange={({ currentTarget }) => {
          const chosen = currentTarget.files?.[0];
          currentTarget.value = "";
          if (chosen !== undefined) void controller.answerFile(chosen);
        }}
      />
      {isClosed && areSamplesOpen.value && <SampleStrip controller={controller} />}
      <Next />
      {isClosed ? (
        <Sources controller={controller} choose={() => file.current?.click()} />
      ) : (
        <CameraButtons controller={controller} />
      )}
    </div>
  );
}

function Next() {
  const own = pinned.value;
  const plan = own?.plan ?? summary.value?.plan ?? null;
  const known = model.value;
  const isCompared = own !== null && (summary.value?.sentBytes ?? 0) > 0;
  const stays =
    !isCompared && plan !== null && known !== null && ["all-edge", "early-edge"].includes(wayOf(plan, known));
  return (
    <p class="next" id="next">
      <Icon name={stays ? "lock" : "up"} />
      <Words text={nextWords(summary.value, known, own)} />
    </p>
  );
}

function Sources({ controller, choose }: { readonly controller: Controller; readonly choose: () => void }) {
  return (
    <div class="ins">
      <button type="button" class="btn main" aria-describedby="next" onClick={() => controller.openCamera()}>
        <Icon name="camera" />
        {TEXTS.camera}
      </button>
      <button type="button" class="btn" aria-describedby="next" onClick={choose}>
        <Icon name="photo" />
        {TEXTS.photo}
      </button>
      <button
        type="button"
        class="btn"
        aria-expanded={areSamplesOpen.value}
        onClick={() => {
          areSamplesOpen.value = !areSamplesOpen.value;
        }}
      >
        <Icon name="grid" />
        {TEXTS.samples}
      </button>
    </div>
  );
}

function CameraButtons({ controller }: { readonly controller: Controller }) {
  const isLive = camera.value === "live";
  const isUsable = isCameraPlaying.value && cameraMuted.value === null;
  return (
    <div class="ins">
      <button
        type="button"
        class="btn main"
        aria-label="Take a picture"
        disabled={isLive || !isUsable}
        onClick={() => void controller.takePhoto()}
      >
        <Icon name="camera" />
        Take
      </button>
      <button
        type="button"
        class="btn"
        aria-pressed={isLive}
        aria-label="Live"
        disabled={!isUsable && !isLive}
        onClick={() => (isLive ? controller.stopLive() : controller.startLive())}
      >
        <Icon name={isLive ? "pause" : "play"} />
        Live
      </button>
      <button type="button" class="btn" aria-label="Close camera" onClick={() => controller.closeCamera()}>
        <Icon name="close" />
        Close
      </button>
    </div>
  );
}
