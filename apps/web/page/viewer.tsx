import { useEffect, useRef, useState } from "preact/hooks";
import { toEddiError } from "#shared/errors";
import type { Controller } from "./controller.ts";
import { busy, camera, picture, showProblem } from "./store.ts";

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
  useEffect(() => {
    const closing = new AbortController();
    void openCamera(video.current!, closing.signal).catch((thrown: unknown) => {
      camera.value = "closed";
      showProblem(`camera: ${toEddiError(thrown).message}`);
    });
    return () => closing.abort();
  }, []);
  const isLive = camera.value === "live";
  useEffect(() => {
    if (!isLive) return;
    const stopping = new AbortController();
    const { liveFps } = controller;
    controller.setLoad(liveFps);
    if (liveFps === null) void classifyFrames(controller, video.current!, stopping.signal);
    else classifyAtRate(controller, video.current!, liveFps, stopping.signal);
    return () => {
      stopping.abort();
      controller.setLoad(null);
    };
  }, [isLive, controller]);
  const shoot = (): void => {
    void controller.answerPhoto(video.current!);
  };
  return (
    <>
      <video ref={video} playsInline muted autoPlay aria-label="camera" onPlaying={() => setPlaying(true)} />
      <div class="shutter">
        <button
          type="button"
          class="round"
          aria-label="Take a picture"
          disabled={isLive || !isPlaying}
          onClick={shoot}
        />
        <button
          type="button"
          class="live"
          aria-pressed={isLive}
          onClick={() => {
            camera.value = isLive ? "open" : "live";
          }}
        >
          live
        </button>
      </div>
    </>
  );
}

async function openCamera(video: HTMLVideoElement, signal: AbortSignal): Promise<void> {
  if (navigator.mediaDevices === undefined) {
    throw new Error("browsers give it to HTTPS pages and localhost only");
  }
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 720 } },
    audio: false,
  });
  const stop = (): void => {
    for (const track of stream.getTracks()) track.stop();
  };
  if (signal.aborted) return stop();
  signal.addEventListener("abort", stop);
  video.srcObject = stream;
  await video.play();
}

/** One frame after the other, as fast as they are answered. */
async function classifyFrames(
  controller: Controller,
  video: HTMLVideoElement,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await new Promise(requestAnimationFrame);
    if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) continue;
    try {
      await controller.answerFrame(video, signal);
    } catch {
      // Said by the controller. The next frame may do better, but not at once.
      await new Promise((done) => setTimeout(done, 1000));
    }
  }
}

/** Frames whose stages may overlap; one that comes when so many are under way is dropped. */
const FRAMES_UNDER_WAY = 6;

/** A frame every so often, whether the ones before are answered or not. */
function classifyAtRate(
  controller: Controller,
  video: HTMLVideoElement,
  framesPerSecond: number,
  signal: AbortSignal,
): void {
  let underWay = 0;
  const timer = setInterval(() => {
    if (underWay >= FRAMES_UNDER_WAY || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    underWay++;
    controller
      .answerFrame(video, signal)
      .catch(() => {}) // Said by the controller.
      .finally(() => {
        underWay--;
      });
  }, 1000 / framesPerSecond);
  signal.addEventListener("abort", () => clearInterval(timer));
}
