import { EddiError, toEddiError } from "#shared/errors";

/** What happens to a camera that is open. */
export interface CameraListener {
  /** It is gone: unplugged, or its permission was taken away. Nothing more comes. */
  onEnded(reason: string): void;
  /** It shows pictures from now on. */
  onOpened(track: MediaStreamTrack): void;
  /** It gives no pictures for a while, or does again: null. */
  onMuted(reason: string | null): void;
}

const ENDED = "it was unplugged, or its permission taken away";
const MUTED = "it gives no pictures just now: another app or a switch may hold it";

/**
 * Shows the camera in a video element until the signal aborts. While the page is hidden the camera is released, and
 * opened again when it is seen.
 *
 * @param deviceId of the camera that is wanted; null for one that looks away from the user
 * @throws EddiError `unavailable` when there is none or it may not be used
 */
export async function showCamera(
  video: HTMLVideoElement,
  listener: CameraListener,
  deviceId: string | null,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await untilVisibility("visible", signal);
    if (signal.aborted) return;
    const seen = new AbortController();
    const end = (): void => seen.abort();
    signal.addEventListener("abort", end, { signal: seen.signal });
    try {
      await open(video, listener, deviceId, seen);
      await untilVisibility("hidden", seen.signal);
      // A track that ended by itself is not opened again: the listener was told.
      if (seen.signal.aborted && !signal.aborted) return;
    } finally {
      end();
    }
  }
}

/** Opens it and lets it play. @param seen aborts when it is to be released; aborted here when it ends by itself */
async function open(
  video: HTMLVideoElement,
  { onEnded, onOpened, onMuted }: CameraListener,
  deviceId: string | null,
  seen: AbortController,
): Promise<void> {
  const { signal } = seen;
  const stream = await getCamera(deviceId);
  const [track] = stream.getVideoTracks();
  const release = (): void => {
    for (const one of stream.getTracks()) one.stop();
    video.srcObject = null;
    onMuted(null);
  };
  if (signal.aborted || track === undefined) return release();
  signal.addEventListener("abort", release, { once: true });
  const ended = (): void => {
    seen.abort();
    onEnded(ENDED);
  };
  track.addEventListener("ended", ended, { signal });
  track.addEventListener("mute", () => onMuted(MUTED), { signal });
  track.addEventListener("unmute", () => onMuted(null), { signal });
  void onDenied(ended, signal);
  if (track.readyState === "ended") return ended();
  if (track.muted) onMuted(MUTED);
  video.srcObject = stream;
  onOpened(track);
  // A picture that is released while it begins to play is no failure.
  await video.play().catch((thrown: unknown) => {
    if (!signal.aborted) throw toEddiError(thrown, "unavailable");
  });
}

async function getCamera(deviceId: string | null): Promise<MediaStream> {
  if (navigator.mediaDevices === undefined) {
    throw new EddiError("unavailable", "browsers give it to HTTPS pages and localhost only");
  }
  const which =
    deviceId === null ? { facingMode: { ideal: "environment" } } : { deviceId: { exact: deviceId } };
  try {
    return await navigator.mediaDevices.getUserMedia({
      video: { ...which, width: { ideal: 1280 }, height: { ideal: 720 } },
      audio: false,
    });
  } catch (thrown) {
    throw toEddiError(thrown, "unavailable");
  }
}

/** Not every browser ends the track when its permission is taken away; not every one tells of permissions. */
async function onDenied(denied: () => void, signal: AbortSignal): Promise<void> {
  try {
    const status = await navigator.permissions.query({ name: "camera" as PermissionName });
    const check = (): void => {
      if (status.state === "denied") denied();
    };
    if (!signal.aborted) status.addEventListener("change", check, { signal });
  } catch {
    // Then the track's own events have to do.
  }
}

function untilVisibility(state: DocumentVisibilityState, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const check = (): void => {
      if (document.visibilityState !== state && !signal.aborted) return;
      document.removeEventListener("visibilitychange", check);
      signal.removeEventListener("abort", check);
      done();
    };
    document.addEventListener("visibilitychange", check);
    signal.addEventListener("abort", check);
    check();
  });
}
