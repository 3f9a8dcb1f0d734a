/** Pictures that go to the worker whole: whoever gave them has them no more. Not every browser has frames of a video. */
export function isHandedOn(image: unknown): image is ImageBitmap | VideoFrame {
  return image instanceof ImageBitmap || isFrame(image);
}

/** Width and height as it is shown; 0 of one that was closed, or handed on. */
export function sizeShown(image: ImageBitmap | VideoFrame): {
  readonly width: number;
  readonly height: number;
} {
  return isFrame(image) ? { width: image.displayWidth, height: image.displayHeight } : image;
}

function isFrame(image: unknown): image is VideoFrame {
  return "VideoFrame" in globalThis && image instanceof VideoFrame;
}
