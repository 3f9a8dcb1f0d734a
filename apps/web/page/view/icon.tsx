/** Line drawings in a square of 24. */
const PATHS = {
  gear: "M15 12a3 3 0 1 1-6 0 3 3 0 0 1 6 0zM12 3v2.5M12 18.5V21M3 12h2.5M18.5 12H21M5.6 5.6l1.8 1.8M16.6 16.6l1.8 1.8M18.4 5.6l-1.8 1.8M7.4 16.6l-1.8 1.8",
  cloud: "M7 18a4 4 0 0 1-.5-7.97 6 6 0 0 1 11.5 1A3.6 3.6 0 0 1 17.5 18z",
  off: "M9 6.5a6 6 0 0 1 9 4.5 3.6 3.6 0 0 1 2 5M16 18H7a4 4 0 0 1-.5-7.97M4 4l16 16",
  camera: "M4 8h3l1.5-2.5h7L17 8h3v11H4zM15.5 13a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0z",
  photo: "M6 5h12a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2zM4 16l5-5 4 4 3-3 4 4",
  grid: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  down: "m6 9 6 6 6-6",
  close: "M6 6l12 12M18 6 6 18",
  lock: "M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3",
  up: "M12 19V5M6 11l6-6 6 6",
  pause: "M9 6v12M15 6v12",
  play: "M8 5v14l11-7z",
  turn: "M4 9a8 8 0 0 1 14-2l2 2M20 15a8 8 0 0 1-14 2l-2-2M20 5v4h-4M4 19v-4h4",
  torch: "M8 3h8v4l-2 3v11h-4V10L8 7zM12 13v2",
  zoom: "M17 11a6 6 0 1 1-12 0 6 6 0 0 1 12 0zM20 20l-4.5-4.5M8.5 11h5M11 8.5v5",
} as const;

export function Icon({ name }: { readonly name: keyof typeof PATHS }) {
  return (
    <svg class="i" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
