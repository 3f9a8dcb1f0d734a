import { useEffect, useRef } from "preact/hooks";
import type { Controller } from "../control/controller.ts";
import { busy, camera, cameraMuted, isCameraPlaying, livePerSecond, picture } from "../control/store.ts";
import { TEXTS } from "../words/texts.ts";
import { AnswerSlot } from "./answer-slot.tsx";
import { Problems } from "./problems.tsx";

/** The picture or the camera, with the square that the model sees, and the answer under it. */
export function Stage({ controller }: { readonly controller: Controller }) {
  const url = picture.value?.url ?? null;
  const isOpen = camera.value !== "closed";
  return (
    <section class={isOpen ? "stage live" : "stage"} aria-label="Photo and answer">
      <figure class={busy.value ? "viewer busy" : "viewer"}>
        {isOpen ? (
          <Camera controller={controller} />
        ) : url !== null ? (
          <img src={url} alt={picture.value?.label ?? "your picture"} onLoad={fit} />
        ) : (
          <p class="choose">{TEXTS.choose}</p>
        )}
        {(isOpen || url !== null) && <span class="square" title={TEXTS.square} />}
        {livePerSecond.value !== null && (
          <p class="rate">
            <span class="dot" /> <b>{livePerSecond.value.toFixed(livePerSecond.value < 10 ? 1 : 0)}</b> photos
            a second
          </p>
        )}
        <Problems />
      </figure>
      <AnswerSlot />
    </section>
  );
}

/** Tells the square how wide a picture is, so that it lies where the model looks. */
function fit({ currentTarget }: Event): void {
  const shown = currentTarget as HTMLImageElement | HTMLVideoElement;
  const [width, height] =
    shown instanceof HTMLVideoElement
      ? [shown.videoWidth, shown.videoHeight]
      : [shown.naturalWidth, shown.naturalHeight];
  if (height > 0) shown.parentElement?.style.setProperty("--ratio", `${width / height}`);
}

function Camera({ controller }: { readonly controller: Controller }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => controller.showCamera(video.current!), [controller]);
  return (
    <>
      <video
        ref={video}
        playsInline
        muted
        autoPlay
        aria-label="camera"
        onResize={fit}
        onPlaying={(event) => {
          fit(event);
          isCameraPlaying.value = true;
        }}
        onEmptied={() => {
          isCameraPlaying.value = false;
        }}
      />
      {cameraMuted.value !== null && <p class="muted">{cameraMuted.value}</p>}
    </>
  );
}
