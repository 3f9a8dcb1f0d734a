import { useEffect, useRef } from "preact/hooks";
import type { Controller } from "../control/controller.ts";
import { type Sample, samples } from "../control/store.ts";

const WORDS = {
  photos: { name: "Validation photos", kind: "photo" },
  drawings: { name: "Drawings by this page", kind: "drawing" },
} as const;

/** So many stand before those that lead to other models: on a narrow screen these are seen too. */
const BEFORE_OTHERS = 3;

/** Small pictures to try. Its place is kept while they are on their way. */
export function SampleStrip({ controller }: { readonly controller: Controller }) {
  const known = samples.value;
  const { items = [], others = [], isWhole = true } = known ?? {};
  const { name, kind } = WORDS[known?.source ?? "photos"];
  const picture = (sample: Sample) => (
    <li key={sample.url}>
      <button type="button" onClick={() => void controller.answerSample(sample)}>
        <SamplePicture controller={controller} sample={sample} kind={kind} />
      </button>
    </li>
  );
  // None moves when more come.
  const shown = isWhole || items.length >= BEFORE_OTHERS ? others : [];
  return (
    <ul class="samples" aria-label={name} aria-busy={!isWhole || undefined}>
      {items.slice(0, BEFORE_OTHERS).map(picture)}
      {shown.map(({ model, url }) => (
        <li key={model}>
          <a href={controller.addressFor(model)} aria-label={`Pictures for ${model}`}>
            <img src={url} alt="" width={72} height={72} />
            <span>{topicOf(model)}</span>
          </a>
        </li>
      ))}
      {items.slice(BEFORE_OTHERS).map(picture)}
    </ul>
  );
}

/** What a model is about: after the kind of its net its name says. */
function topicOf(model: string): string {
  return model.slice(model.indexOf("-") + 1);
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
