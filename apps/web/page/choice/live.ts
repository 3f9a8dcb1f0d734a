/** A video whose frames are answered. */
export interface LiveOptions {
  readonly video: HTMLVideoElement;
  /**
   * Frames a second from now on, their stages overlapping; asked after each. Null: one after the other, as fast as they are
   * answered.
   */
  readonly framesPerSecond: (() => number) | null;
  /** Rejects when there is no answer; it has been said why. */
  readonly answerFrame: () => Promise<void>;
  /** No new picture has come for long, though the page is seen. */
  readonly onStalled: () => void;
}

/** What a video shows. A frame is handed on as it is: to draw it here would keep a finger waiting. */
export async function grabFrame(video: HTMLVideoElement): Promise<ImageBitmap | VideoFrame> {
  // Firefox for phones has none.
  return "VideoFrame" in globalThis ? new VideoFrame(video) : createImageBitmap(video);
}

/** Frames under way; one that comes when so many are is dropped. */
const FRAMES_UNDER_WAY = 6;
/** After a failure the next frame may do better, but not at once. */
const REST_MS = 1000;
const STALLED_MS = 4000;

/** Has the frames of a video answered until the signal aborts: every picture once, a frozen one not again. */
export function answerLive(options: LiveOptions, signal: AbortSignal): void {
  const { framesPerSecond } = options;
  const pictures = watchPictures(options, signal);
  if (framesPerSecond === null) void oneByOne(options, pictures, signal);
  else atRate(options, pictures, framesPerSecond, signal);
}

async function oneByOne(options: LiveOptions, isNew: () => boolean, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await new Promise(requestAnimationFrame);
    if (signal.aborted || !isNew()) continue;
    try {
      await options.answerFrame();
    } catch {
      await new Promise((done) => setTimeout(done, REST_MS));
    }
  }
}

/** A frame every so often, whether the ones before are answered or not. */
function atRate(
  options: LiveOptions,
  isNew: () => boolean,
  framesPerSecond: () => number,
  signal: AbortSignal,
): void {
  let underWay = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const frame = (): void => {
    timer = setTimeout(frame, 1000 / framesPerSecond());
    if (underWay >= FRAMES_UNDER_WAY || !isNew()) return;
    underWay += 1;
    options
      .answerFrame()
      .catch(() => {}) // Said by then.
      .finally(() => {
        underWay -= 1;
      });
  };
  frame();
  signal.addEventListener("abort", () => clearTimeout(timer));
}

/** @returns tells whether there is a picture that was not asked for before, and takes it */
function watchPictures({ video, onStalled }: LiveOptions, signal: AbortSignal): () => boolean {
  // Firefox before 132 cannot tell: there every look finds a picture.
  const canTell = "requestVideoFrameCallback" in video;
  let isNew = !canTell;
  let latestMs = performance.now();
  const shown = (): void => {
    isNew = true;
    latestMs = performance.now();
    if (!signal.aborted) video.requestVideoFrameCallback(shown);
  };
  if (canTell) video.requestVideoFrameCallback(shown);
  const stalled = setInterval(() => {
    if (document.visibilityState !== "visible") latestMs = performance.now();
    else if (canTell && performance.now() - latestMs > STALLED_MS) onStalled();
  }, 1000);
  signal.addEventListener("abort", () => clearInterval(stalled));
  return () => {
    if (!isNew || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return false;
    isNew = !canTell;
    return true;
  };
}
