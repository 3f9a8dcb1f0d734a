import { useEffect, useRef } from "preact/hooks";
import type { Controller } from "../control/controller.ts";
import { type Sample, samples } from "../control/store.ts";

const WORDS = {
  photos: { name: "Validation photos", kind: "photo" },
  drawings: { name: "Drawings by this page", kind: "drawing" },
} as const;

/** Small pictures to try. Its place is kept while they are on their way. */
export function SampleStrip({ controller }: { readonly controller: Controller }) {
  const known = samples.value;
  const { name, kind } = WORDS[known?.source ?? "photos"];
  return (
    <ul class="samples" aria-label={name} aria-busy={known?.isWhole === false || undefined}>
      {(known?.items ?? []).map((sample) => (
        <li key={sample.url}>
          <button type="button" onClick={() => void controller.answerSample(sample)}>
            <SamplePicture controller={controller} sample={sample} kind={kind} />
          </button>
        </li>
      ))}
    </ul>
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
