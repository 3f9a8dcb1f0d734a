import { useRef } from "preact/hooks";
import type { Controller } from "./controller.ts";
import { camera, samples } from "./store.ts";

/** Where pictures come from: a file or the phone's camera app, the live camera, samples. */
export function Sources({ controller }: { readonly controller: Controller }) {
  const file = useRef<HTMLInputElement>(null);
  const isClosed = camera.value === "closed";
  return (
    <div class="buttons">
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
      <button type="button" onClick={() => file.current?.click()}>
        Photo
      </button>
      <button
        type="button"
        class="second"
        aria-pressed={!isClosed}
        onClick={() => (isClosed ? controller.openCamera() : controller.closeCamera())}
      >
        {isClosed ? "Camera" : "Close camera"}
      </button>
    </div>
  );
}

export function SampleStrip({ controller }: { readonly controller: Controller }) {
  const known = samples.value;
  if (known === null) return null;
  const kind = known.source === "photos" ? "photo" : "drawing";
  return (
    <section class="samples" aria-label={known.source === "photos" ? "Validation photos" : "Drawings"}>
      <h2>
        {known.source === "photos"
          ? "Validation photos"
          : "Drawings by this page (the service has no photos)"}
      </h2>
      <ul>
        {known.items.map((sample) => (
          <li key={sample.url}>
            <button type="button" onClick={() => void controller.answerSample(sample)}>
              <img src={sample.url} alt={`${kind}: ${sample.label}`} loading="lazy" width={72} height={72} />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
