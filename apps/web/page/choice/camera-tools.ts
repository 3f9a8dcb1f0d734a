/** What an open camera can do beside showing pictures, as far as the browser tells. */
export interface CameraTools {
  /** Other cameras to change to. */
  readonly canSwitch: boolean;
  /** Whether its light is on; null where it has none. */
  readonly isTorchOn: boolean | null;
  /** Null where it does not zoom. */
  readonly zoom: Zoom | null;
}

export interface Zoom {
  readonly least: number;
  readonly most: number;
  readonly step: number;
  readonly value: number;
}

export const NO_TOOLS: CameraTools = { canSwitch: false, isTorchOn: null, zoom: null };

/** What the standard library's types do not know of yet. */
interface Told {
  readonly torch?: unknown;
  readonly zoom?: { readonly min?: number; readonly max?: number; readonly step?: number } | number;
}

export async function toolsOf(track: MediaStreamTrack): Promise<CameraTools> {
  // Firefox before 132 does not tell.
  const { torch, zoom } = (track.getCapabilities?.() ?? {}) as Told;
  const now = track.getSettings() as Told & { readonly torch?: boolean };
  const { min = 1, max = 1, step = 0.1 } = typeof zoom === "object" ? zoom : {};
  // Firefox tells of a torch as a list of what it can be set to.
  const hasTorch = torch === true || (Array.isArray(torch) && torch.includes(true));
  return {
    canSwitch: (await cameras()).length > 1,
    isTorchOn: hasTorch ? now.torch === true : null,
    zoom: max > min ? { least: min, most: max, step, value: Number(now.zoom ?? min) } : null,
  };
}

/** The camera after this one; null where there is no other. */
export async function nextCamera(track: MediaStreamTrack): Promise<string | null> {
  const ids = await cameras();
  const at = ids.indexOf(track.getSettings().deviceId ?? "");
  return ids.length < 2 ? null : ids[(at + 1) % ids.length]!;
}

/** @throws what the browser does where the camera cannot */
export function setTool(track: MediaStreamTrack, tool: { torch: boolean } | { zoom: number }): Promise<void> {
  return track.applyConstraints({ advanced: [tool as MediaTrackConstraintSet] });
}

async function cameras(): Promise<readonly string[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind }) => kind === "videoinput").map(({ deviceId }) => deviceId);
}
