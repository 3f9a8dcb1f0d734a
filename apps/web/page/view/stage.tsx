import { useEffect, useRef } from "preact/hooks";
import type { Controller } from "../control/controller.ts";
import {
  busy,
  camera,
  cameraMuted,
  cameraTools,
  isCameraPlaying,
  livePerSecond,
  liveRate,
  picture,
  summary,
} from "../control/store.ts";
import { formatFps } from "../words/format.ts";
import { TEXTS } from "../words/texts.ts";
import { AnswerSlot } from "./answer-slot.tsx";
import { Icon } from "./icon.tsx";
import { Problems } from "./problems.tsx";

/** The picture or the camera, with the square that the model sees, and the answer under it. */
export function Stage({ controller }: { readonly controller: Controller }) {
  const url = picture.value?.url ?? null;
  const isOpen = camera.value !== "closed";
  const viewer = useRef<HTMLElement>(null);
  useEffect(() => measure(viewer.current!), []);
  return (
    <section class={isOpen ? "stage live" : "stage"} aria-label="Photo and answer">
      <figure ref={viewer} class={busy.value ? "viewer busy" : "viewer"}>
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
            <span class="dot" />
            <span>
              <b>{formatFps(livePerSecond.value)}</b> photos a second
              <Sustained />
            </span>
          </p>
        )}
        {isOpen && <CameraTools controller={controller} />}
        <Problems />
      </figure>
      <AnswerSlot />
    </section>
  );
}

/** Where as many as can be are wanted: how many the plan keeps up with. */
function Sustained() {
  const load = summary.value?.load ?? null;
  if (liveRate.value !== "most" || load === null) return null;
  return <>{`, ${TEXTS.planned} ${formatFps(Math.min(load.planFps, load.framesPerSecond))}`}</>;
}

/** What this camera can do: change to another one, light, zoom. */
function CameraTools({ controller }: { readonly controller: Controller }) {
  const { canSwitch, isTorchOn, zoom } = cameraTools.value;
  return (
    <div class="tools">
      {canSwitch && (
        <button
          type="button"
          class="tap"
          aria-label={TEXTS.switchCamera}
          onClick={() => void controller.switchCamera()}
        >
          <Icon name="turn" />
        </button>
      )}
      {isTorchOn !== null && (
        <button
          type="button"
          class="tap"
          aria-label={TEXTS.torch}
          aria-pressed={isTorchOn}
          onClick={() => void controller.setCameraTool({ torch: !isTorchOn })}
        >
          <Icon name="torch" />
        </button>
      )}
      {zoom !== null && (
        <input
          type="range"
          class="zoom"
          min={zoom.least}
          max={zoom.most}
          step={zoom.step}
          value={zoom.value}
          aria-label={TEXTS.zoom}
          onChange={({ currentTarget }) =>
            void controller.setCameraTool({ zoom: Number(currentTarget.value) })
          }
        />
      )}
    </div>
  );
}

/**
 * Tells the square how large its place is. Container units would, but in Chromium what lies in a container of known size
 * is at times not laid out again when a phone is turned.
 */
function measure(viewer: HTMLElement): () => void {
  const observer = new ResizeObserver(() => {
    const { clientWidth, clientHeight } = viewer;
    viewer.style.setProperty("--wide", `${clientWidth}px`);
    viewer.style.setProperty("--high", `${clientHeight}px`);
  });
  observer.observe(viewer);
  return () => observer.disconnect();
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
