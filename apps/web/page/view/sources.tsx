import { useEffect, useRef } from "preact/hooks";
import type { Controller } from "../control/controller.ts";
import { camera, type Sample, samples } from "../control/store.ts";

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
              <SamplePicture controller={controller} sample={sample} kind={kind} />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function SamplePicture(props: {
  readonly controller: Controller;
  readonly sample: Sample;
  readonly kind: string;
}) {
  const { controller, sample } = props;
  const { url, file } = sample;
  const image = useRef<HTMLImageElement>(null);
  useEffect(() => {
    // A drawing is here already.
    if (file === undefined) return controller.pictures.show(image.current!, url);
    image.current!.src = url;
  }, [controller, url, file]);
  return <img ref={image} alt={`${props.kind}: ${sample.label}`} width={72} height={72} />;
}
