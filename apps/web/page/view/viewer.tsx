import { useEffect, useRef, useState } from "preact/hooks";
import type { Controller } from "../control/controller.ts";
import { busy, camera, cameraMuted, picture } from "../control/store.ts";

/** The picture, or the camera. */
export function Viewer({ controller }: { readonly controller: Controller }) {
  const url = picture.value?.url ?? null;
  return (
    <div class={busy.value ? "viewer busy" : "viewer"}>
      {camera.value !== "closed" ? (
        <Camera controller={controller} />
      ) : url !== null ? (
        <img src={url} alt={picture.value?.label ?? "your picture"} />
      ) : (
        <p class="quiet">Drop, paste, or choose a picture</p>
      )}
    </div>
  );
}

function Camera({ controller }: { readonly controller: Controller }) {
  const video = useRef<HTMLVideoElement>(null);
  const [isPlaying, setPlaying] = useState(false);
  useEffect(() => controller.showCamera(video.current!), [controller]);
  const isLive = camera.value === "live";
  const isUsable = isPlaying && cameraMuted.value === null;
  return (
    <>
      <video
        ref={video}
        playsInline
        muted
        autoPlay
        aria-label="camera"
        onPlaying={() => setPlaying(true)}
        onEmptied={() => setPlaying(false)}
      />
      {cameraMuted.value !== null && <p class="muted">{cameraMuted.value}</p>}
      <div class="shutter">
        <button
          type="button"
          class="round"
          aria-label="Take a picture"
          disabled={isLive || !isUsable}
          onClick={() => void controller.answerPhoto(video.current!)}
        />
        <button
          type="button"
          class="live"
          aria-pressed={isLive}
          disabled={!isUsable && !isLive}
          onClick={() => (isLive ? controller.stopLive() : controller.startLive(video.current!))}
        >
          live
        </button>
      </div>
    </>
  );
}
